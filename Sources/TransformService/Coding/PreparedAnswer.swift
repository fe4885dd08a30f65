// Content that many requests get -> their answers: made once, and in each coding once, when a
// client first asks for it. What is the same for all would else be made and compressed on an event
// loop for each, where a burst of pipelined requests keeps everybody else waiting.

import HTTPKit
import Synchronization

import struct NIOCore.ByteBuffer

final class PreparedAnswer: Sendable {
    private let content: ByteBuffer
    private let contentType: StaticString
    private let cacheControl: StaticString?
    /// What the entity tag shows.
    private let digest: String?
    /// Whether it is long enough to be compressed.
    private let isCompressible: Bool
    private let compressed = Mutex<[ContentCoding: ByteBuffer]>([:])

    /// - Parameter compressBytesMin: the least length that is compressed; 0 for never.
    init(
        _ content: ByteBuffer, contentType: StaticString, cacheControl: StaticString? = nil,
        digest: String? = nil, compressBytesMin: Int
    ) {
        self.content = content
        self.contentType = contentType
        self.cacheControl = cacheControl
        self.digest = digest
        isCompressible = compressBytesMin > 0 && content.readableBytes >= compressBytesMin
    }

    func respond(to request: Request, _ exchange: Exchange) {
        let coding = isCompressible ? ContentCoding.answer(to: request) : nil
        var fields = ResponseFields()
        if isCompressible { fields.add(coding) }
        if let cacheControl { fields.add("Cache-Control", cacheControl) }
        if let digest {
            // Codings of one text are not the same bytes, so their tag is a weak one.
            fields.add("ETag", "\(coding == nil ? "" : "W/")\"\(digest)\"")
            if let known = request.joinedFields("if-none-match"), Self.matches(known, digest) {
                exchange.respond(Response(Status(304), fields: fields))
                return
            }
        }
        exchange.respond(
            Response(
                .ok, contentType: contentType, fields: fields,
                content: .buffer(coding.map(bytes) ?? content)))
    }

    private func bytes(in coding: ContentCoding) -> ByteBuffer {
        if let known = compressed.withLock({ $0[coding] }) { return known }
        // Not under the lock: other event loops may send what there is.
        let made = WholeContent.deflate(content, coding)
        compressed.withLock { $0[coding] = made }
        return made
    }

    /// Whether an If-None-Match (RFC 9110 13.1.2) has the tag, weak or strong, or is `*`.
    static func matches(_ field: String, _ digest: String) -> Bool {
        field.split(separator: ",").contains { entry in
            var tag = FieldList.trimmed(entry)
            if tag.hasPrefix("W/") { tag = tag.dropFirst(2) }
            return tag == "*" || tag == "\"\(digest)\""
        }
    }
}
