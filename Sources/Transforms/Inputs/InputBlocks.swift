// What an `InputReader` reads from: blocks of bytes, each of which ends between two inputs, and the
// form of the inputs in them.

/// Bytes of one file that end between two inputs; the owner keeps them until they are given back.
@safe public final class InputBlock {
    // Safety: the `InputBlocks` that gave it keeps the bytes until `giveBack`.
    public let bytes: UnsafeRawBufferPointer
    /// What `input_filename` gives.
    public let fileName: String
    /// Whether the file begins in the block, and where: after what was left of the previous file.
    public let isFirst: Bool
    public let fileStart: Int
    /// What precedes the block, or the file that begins in it, where the owner knows; else it is
    /// counted.
    public var before: Before?
    /// How many bytes follow the block up to the end of its last line, including that line's feed,
    /// where the owner has them.
    public var lineRest: Int?

    public struct Before: Sendable {
        /// Lines of the file before it, and bytes of the line that it goes on with.
        public var lineCount = 0
        public var lineByteCount = 0
        /// The location of the last byte before it, of all inputs.
        public var location = InputLocation()

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
    /// The bytes of a block from `offset` on and the next block, as one; nil where there is no next
    /// block. The block must still be given back.
    func joined(_ block: InputBlock, from offset: Int) -> InputBlock?
    func giveBack(_ block: InputBlock)
    /// The last file that was opened after the last block, if it has no bytes or can't be read.
    var trailingFileName: String? { get }
    /// Why there is no next block, if that is not the end of the last file.
    var limitMet: Limit { get }
    /// The bytes before `offset` have been read, and are unlikely to be read again.
    func pass(_ block: InputBlock, upto offset: Int)
}

extension InputBlocks {
    public func joined(_ block: InputBlock, from offset: Int) -> InputBlock? { nil }
    public var trailingFileName: String? { nil }
    public var limitMet: Limit { .none }
    public func pass(_ block: InputBlock, upto offset: Int) {}
}

/// Why there is no next input.
public enum InputFailure: Error {
    /// The sentence with its location. The reader is after the malformed text.
    case malformed(String)
    case limit(Limit)
}

/// How bytes become inputs.
public struct InputForm: Sendable {
    public enum Kind: Sendable { case texts, lines, events }
    public var kind = Kind.texts
    /// All inputs in one array; lines in one string.
    public var slurps = false
    /// A record separator (RFC 7464) precedes each text.
    public var isSequence = false
    /// A malformed text becomes an event: its message and the path so far.
    public var reportsErrors = false
    /// Everything that jq reads is accepted, and not RFC 8259's texts alone.
    public var isLenient = false
    /// A file is one text and nothing else; a block is all of a file.
    public var isSingle = false

    public init() {}
}
