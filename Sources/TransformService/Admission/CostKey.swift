// A program, as far as a request shows it -> the key under which its cost is learned.

import struct NIOCore.ByteBuffer

/// The key under which a program's cost is learned.
enum CostKey {
    /// Of a loaded transform: by its digest, so that the learned cost outlives a reload.
    static func of(_ transform: NamedTransform) -> Int { transform.digestHash }

    /// Of the transform that the path names, or of the program in the query.
    static func of(_ request: TransformRequest) -> Int? {
        if let transform = request.transform { return of(transform) }
        return request.program == nil ? nil : request.query.programKey
    }

    /// Of the program at the start of an envelope.
    static func of(_ envelope: ByteBuffer) -> Int? {
        // Safety: the bytes are hashed while the closure runs; the range lies in them.
        unsafe envelope.withUnsafeReadableBytes { bytes in
            let range = unsafe ProgramPeek.find(bytes, bytesMax: TransformQuery.programBytesMax)
            return range.map {
                unsafe ProgramKey.of(UnsafeRawBufferPointer(rebasing: bytes[$0]), [])
            }
        }
    }
}
