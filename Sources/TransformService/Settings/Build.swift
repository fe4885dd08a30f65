// The file Sources/TransformService/VERSION -> the version of this build, wherever it is shown.

enum Build {
    static let version = String(
        decoding: PackageResources.VERSION.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    /// The version of the language.
    static let jqVersion = "1.8.2"
}
