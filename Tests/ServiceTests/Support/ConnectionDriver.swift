// Bytes, cut at given offsets -> the requests that a connection reads from them. No sockets, no
// clock: the driver collects each request's content and answers at once.

@testable import HTTPKit

/// How a request ended.
enum Outcome: Equatable, CustomStringConvertible {
    case request(method: String, target: String, fields: [String], content: [UInt8])
    case refused(ProtocolError.Code, at: Int)
    /// The bytes ended inside a request.
    case unfinished
    /// The connection ended after an answer.
    case ended

    var description: String {
        switch self {
        case .request(let method, let target, let fields, let content):
            "\(method) \(target.prefix(40)) \(fields.count) fields \(content.count) bytes"
        case .refused(let code, let offset): "refused \(code) at \(offset)"
        case .unfinished: "unfinished"
        case .ended: "ended"
        }
    }

    var isRefused: Bool { if case .refused = self { true } else { false } }
}

/// Runs `body` on the bytes of an array.
func withBytes<Result>(_ array: [UInt8], _ body: (BorrowedBytes) -> Result) -> Result {
    // Safety: the array outlives the call, and `body` keeps nothing.
    unsafe array.withUnsafeBytes { body(unsafe BorrowedBytes($0)) }
}

/// Feeds the pieces between `cuts` to a new connection.
/// - Parameter memo: shared with other connections of its loop.
func outcomes(
    _ bytes: [UInt8], cuts: [Int] = [], limits: ConnectionLimits = ConnectionLimits(),
    memo: HeadMemo? = nil
) -> [Outcome] {
    var state = ConnectionState(limits: limits, now: 0)
    var head = RequestHead()
    var pending: [UInt8] = []
    var result: [Outcome] = []
    var headBytes: [UInt8] = []
    var content: [UInt8] = []
    var start = 0
    for end in cuts + [bytes.count] {
        pending += bytes[start..<end]
        start = end
        loop: while true {
            let step = withBytes(pending) { state.next($0, into: &head, now: 0, memo: memo) }
            var refusal: ProtocolError?
            switch step.action {
            case .wait:
                pending.removeFirst(step.consumed)
                break loop
            case .again: break
            case .head:
                headBytes = Array(pending[..<step.consumed])
                content = []
                do {
                    try state.startBody(bytesMax: limits.bodyBytesMax, now: 0)
                } catch {
                    refusal = error
                }
            case .content(let offset, let byteCount):
                content += pending[offset..<offset + byteCount]
            case .end:
                result.append(describe(head, headBytes, content))
                _ = state.startResponse(hasLength: true)
                if !state.finishResponse(now: 0) { result.append(.ended) }
            case .reject(let error): refusal = error
            case .linger, .close: return result + [.ended]
            }
            if let refusal {
                result.append(.refused(refusal.code, at: refusal.offset))
                return result
            }
            pending.removeFirst(step.consumed)
        }
    }
    return state.isInWork ? result + [.unfinished] : result
}

private func describe(
    _ head: borrowing RequestHead, _ headBytes: [UInt8], _ content: [UInt8]
) -> Outcome {
    let fields = head.fields
    let target = head.target
    let method = head.method
    return withBytes(headBytes) { bytes in
        .request(
            method: "\(method)", target: bytes.string(target),
            fields: fields.map { "\(bytes.string($0.name)): \(bytes.string($0.value))" },
            content: content)
    }
}

func outcomes(_ text: String, cuts: [Int] = [], limits: ConnectionLimits = ConnectionLimits())
    -> [Outcome]
{
    outcomes(Array(text.utf8), cuts: cuts, limits: limits)
}
