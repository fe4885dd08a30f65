// The file Sources/TransformService/VERSION -> what this build is called, wherever it says so.

enum Build {
    static let version = String(
        decoding: PackageResources.VERSION.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    /// The language that it runs.
    static let jqVersion = "1.8.2"
}
