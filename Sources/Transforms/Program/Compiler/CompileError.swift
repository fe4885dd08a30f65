// Why a program does not compile, and where.

/// A program that can't be read or whose names mean nothing.
public struct CompileError: Error, Equatable, Sendable {
    /// The sentence, without its place: `foo/0 is not defined`.
    public var message: String
    /// Bytes from the start of the program's text.
    public var offset: Int

    init(_ message: String, offset: Int) {
        self.message = message
        self.offset = offset
    }
}
