// A query -> a value that a handler derived from it, for later requests with the same query: most
// clients of a service send a few queries again and again.

/// A bounded table of values by the queries they were derived from. It belongs to one thread.
public final class QueryMemo {
    private struct Slot {
        var query: [UInt8] = []
        var value: AnyObject?
    }

    private static var slotCount: Int { 64 }
    /// Longer queries are not kept.
    private static var queryBytesMax: Int { 4 * 1024 }

    private var slots = ContiguousArray(repeating: Slot(), count: QueryMemo.slotCount)

    /// The slot that was found last: most requests have the same query.
    private var lastSlot = 0

    public init() {}

    /// The value kept for a request with the same query, byte for byte; nil for none.
    public func find(_ request: Request) -> AnyObject? {
        guard let query = request.head.query, query.count <= Self.queryBytesMax else { return nil }
        return request.withBytes { bytes in
            if let value = value(lastSlot, bytes, query) { return value }
            lastSlot = Self.slot(bytes, query)
            return value(lastSlot, bytes, query)
        }
    }

    private func value(_ slot: Int, _ bytes: Bytes, _ query: Range<Int>) -> AnyObject? {
        bytes.equals(query, slots[slot].query) ? slots[slot].value : nil
    }

    /// Keeps a value for the request's query; it may replace that of another query.
    public func keep(_ value: AnyObject, for request: Request) {
        guard let query = request.head.query, query.count <= Self.queryBytesMax else { return }
        request.withBytes { bytes in
            slots[Self.slot(bytes, query)] = Slot(query: bytes.array(query), value: value)
        }
    }

    private static func slot(_ bytes: Bytes, _ query: Range<Int>) -> Int {
        // The highest bits of the product depend on all bits of a word.
        Int(truncatingIfNeeded: bytes.hash(query) >> 58) & (slotCount - 1)
    }
}
