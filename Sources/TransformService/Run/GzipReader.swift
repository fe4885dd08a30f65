// A descriptor whose bytes are gzip (RFC 1952) -> its content.

import Glibc
import NIOCore

final class GzipReader {
    private let descriptor: Int32
    private let inflater = Inflater(.gzip, ratioMax: nil)
    private var compressed: ByteBuffer
    private var content = ByteBuffer()
    private var failure: GzipFailure?
    private static let byteCountMax = 1 << 16

    /// - Parameter read: bytes that have been read from the descriptor.
    init(_ descriptor: Int32, after read: UnsafeRawBufferPointer) {
        self.descriptor = descriptor
        compressed = unsafe ByteBuffer(bytes: read)
    }

    /// Whether bytes are compressed: none of JSON's texts begins so.
    static func begins(_ bytes: UnsafeRawBufferPointer) -> Bool {
        // Safety: there are two bytes.
        unsafe bytes.count >= 2 && bytes[0] == 0x1F && bytes[1] == 0x8B
    }

    /// Whether there may be content without a further look at the descriptor.
    var hasMore: Bool {
        content.readableBytes > 0 || compressed.readableBytes > 0 || inflater.hasMore
    }

    /// Reads content.
    /// - Returns: how many bytes; 0 at the end.
    func read(into room: UnsafeMutableRawBufferPointer) throws(GzipFailure) -> Int {
        while content.readableBytes == 0 {
            // What was inflated before a fault comes first.
            if let failure { throw failure }
            if !hasMore, !(try readCompressed()) { return 0 }
            content.clear()
            do throws(CodingFailure) {
                try inflater.inflate(
                    &compressed, into: &content, byteCountMax: GzipReader.byteCountMax)
            } catch { failure = GzipFailure(sentence: "malformed gzip") }
        }
        let count = min(room.count, content.readableBytes)
        return unsafe content.readWithUnsafeReadableBytes { bytes in
            unsafe room.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
            return count
        }
    }

    /// - Returns: false at the end.
    private func readCompressed() throws(GzipFailure) -> Bool {
        compressed.clear()
        var code: Int32 = 0
        let count = unsafe compressed.writeWithUnsafeMutableBytes(
            minimumWritableBytes: GzipReader.byteCountMax
        ) { room in
            while true {
                let count = unsafe Glibc.read(descriptor, room.baseAddress, room.count)
                if count >= 0 { return count }
                if errno != EINTR {
                    code = errno
                    return 0
                }
            }
        }
        if count > 0 { return true }
        if code != 0 { throw GzipFailure(sentence: Process.message(ofSystemError: code)) }
        do throws(CodingFailure) { try inflater.finish() } catch {
            throw GzipFailure(sentence: "truncated gzip")
        }
        return false
    }
}

/// Why compressed bytes can't be read.
struct GzipFailure: Error {
    var sentence: String
}
