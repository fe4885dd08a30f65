// Why a program does not compile, and where.

/// A program that can't be parsed, or that uses undefined names.
public struct CompileError: Error, Equatable, Sendable {
    /// The sentence, without its location: `foo/0 is not defined`.
    public var message: String
    /// Bytes from the start of the program's text, or of the module's.
    public var offset: Int
    /// The module that the error is in, by the name that its source gave it; nil: the program
    /// itself.
    public var module: String?
    /// The module's text.
    var moduleText: [UInt8]?
    /// Whether `offset` counts through the texts of all modules (see `Compiler.offsetBase`).
    var isLocated = false
    /// Further undefined names, in the order in which they were met.
    public var others: [CompileError] = []

    init(_ message: String, offset: Int) {
        self.message = message
        self.offset = offset
    }
}
