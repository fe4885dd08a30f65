// What an `InputReader` reads from: blocks of bytes, in which inputs end somewhere, and how they
// become inputs.

/// Bytes of one file that end between two inputs; the owner keeps them until they are given back.
@safe public final class InputBlock {
    // Safety: the `InputBlocks` that gave it keeps the bytes until `giveBack`.
    public let bytes: UnsafeRawBufferPointer
    /// As `input_filename` shows it.
    public let fileName: String
    /// Whether the file begins in it, and where: behind what was left of the file before.
    public let isFirst: Bool
    public let fileStart: Int
    /// What is in front of the block, or of the file that begins in it, where the owner knows; else
    /// it is counted.
    public var before: Before?
    /// The bytes behind the block up to the end of its last line, with that line's feed, where the
    /// owner has them.
    public var lineRest: Int?

    public struct Before: Sendable {
        /// Lines of the file.
        public var lineCount = 0
        /// Where the last byte of all is.
        public var place = InputPlace()

        public init() {}
    }

    public init(
        bytes: UnsafeRawBufferPointer, fileName: String, isFirst: Bool, fileStart: Int = 0
    ) {
        unsafe self.bytes = unsafe bytes
        self.fileName = fileName
        self.isFirst = isFirst
        self.fileStart = fileStart
    }
}

public protocol InputBlocks: AnyObject {
    /// The next block, or nil at the end of the last file.
    func next() -> InputBlock?
    /// What stands in a block from `offset` on, and behind it the next block, as one; nil where
    /// there is no next. The block is still to be given back.
    func joined(_ block: InputBlock, from offset: Int) -> InputBlock?
    func giveBack(_ block: InputBlock)
    /// The last file that was opened behind the last block, and has no bytes or can't be read.
    var fileNameBehind: String? { get }
    /// What stands in front of `offset` has been read, and will hardly be read again.
    func pass(_ block: InputBlock, upto offset: Int)
}

extension InputBlocks {
    public func joined(_ block: InputBlock, from offset: Int) -> InputBlock? { nil }
    public var fileNameBehind: String? { nil }
    public func pass(_ block: InputBlock, upto offset: Int) {}
}

/// Why there is no next input.
public enum InputFailure: Error {
    /// The sentence with its place. The reader stands behind it.
    case malformed(String)
    case limit(Limit)
}

/// How bytes become inputs.
public struct InputForm: Sendable {
    public enum Kind: Sendable { case texts, lines, events }
    public var kind = Kind.texts
    /// All inputs in one array; lines in one string.
    public var slurps = false
    /// Texts come with a record separator (RFC 7464) in front.
    public var isSequence = false
    /// A malformed text is an event of its own: its message and the path so far.
    public var reportsErrors = false
    /// What jq reads is read, and not RFC 8259's texts alone.
    public var isLenient = false
    /// A file is one text and nothing else; a block is all of a file.
    public var isSingle = false

    public init() {}
}
