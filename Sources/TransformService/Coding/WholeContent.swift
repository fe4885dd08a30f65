// Whole contents <-> their codings; the deadline is checked every quarter of a mebibyte.

import HTTPKit
import Transforms

import struct NIOCore.ByteBuffer

enum WholeContent {
    private static var sliceBytes: Int { 256 << 10 }

    /// The content of a request; nil once it was cancelled or its deadline has passed.
    /// - Throws: 413 when it is longer than `bytesMax`, 400 when it is malformed.
    static func inflate(
        _ compressed: ByteBuffer, _ coding: ContentCoding, bytesMax: Int,
        deadlineNanoseconds: UInt64, cancel: CancelFlag
    ) throws(Problem) -> ByteBuffer? {
        var compressed = compressed
        var content = ByteBuffer()
        let inflater = Inflater(coding)
        do throws(CodingFailure) {
            while content.readableBytes <= bytesMax {
                guard compressed.readableBytes > 0 || inflater.hasMore else {
                    try inflater.finish()
                    return content
                }
                if isOver(deadlineNanoseconds, cancel) { return nil }
                let room = min(bytesMax - content.readableBytes + 1, sliceBytes)
                try inflater.inflate(&compressed, into: &content, byteCountMax: room)
            }
        } catch {
            throw Problem(error, coding)
        }
        throw Problem.inflatedTooLong(bytesMax)
    }

    /// A response's content in a coding; nil once it was cancelled or its deadline has passed.
    static func deflate(
        _ content: ByteBuffer, _ coding: ContentCoding, deadlineNanoseconds: UInt64,
        cancel: CancelFlag
    ) -> ByteBuffer? {
        var deflater = Deflater(coding == .gzip ? .gzip : .zlib)
        var rest = content
        var compressed = ByteBuffer()
        while let slice = rest.readSlice(length: min(rest.readableBytes, sliceBytes)) {
            if isOver(deadlineNanoseconds, cancel) { return nil }
            let isLast = rest.readableBytes == 0
            // Safety: the bytes live while the closure runs.
            unsafe slice.withUnsafeReadableBytes { memory in
                unsafe deflater.deflate(memory, into: &compressed, isLast ? .finish : .none)
            }
            if isLast { break }
        }
        return compressed
    }

    /// Content that is short enough to need no checks of the deadline.
    static func deflate(_ content: ByteBuffer, _ coding: ContentCoding) -> ByteBuffer {
        var deflater = Deflater(coding == .gzip ? .gzip : .zlib)
        var compressed = ByteBuffer()
        // Safety: the bytes live while the closure runs.
        unsafe content.withUnsafeReadableBytes { memory in
            unsafe deflater.deflate(memory, into: &compressed, .finish)
        }
        return compressed
    }

    private static func isOver(_ deadlineNanoseconds: UInt64, _ cancel: CancelFlag) -> Bool {
        cancel.isCancelled || MonotonicClock.nanoseconds() >= deadlineNanoseconds
    }
}

extension Problem {
    init(_ failure: CodingFailure, _ coding: ContentCoding) {
        switch failure {
        case .malformed:
            self.init(.malformedCoding, "The content is not what \(coding.name) makes.")
        case .truncated:
            self.init(.malformedCoding, "The content ends in the middle of its \(coding.name).")
        case .ratioTooLarge:
            self.init(
                .bodyTooLong,
                "The content inflates to more than \(Inflater.ratioMax) times its length.")
        case .noMemory: self.init(.internalError, "There is no memory to inflate the content.")
        }
    }

    static func inflatedTooLong(_ bytesMax: Int) -> Problem {
        Problem(
            .bodyTooLong, "The content inflates to more than \(bytesMax) bytes.", limit: bytesMax)
    }
}

extension ResponseFields {
    /// Adds the coding of a response, and Vary, as it depends on what the client accepts.
    mutating func add(_ coding: ContentCoding?) {
        if let coding { add("Content-Encoding", coding.name) }
        add("Vary", "Accept-Encoding" as StaticString)
    }
}
