// Counting references. A value with the flag `counted` points to a block's payload; each holder of
// the value owns one reference. `retain` gives another holder its reference, `release` takes one
// back, and the last one frees the block and releases what it held: without recursion, however deep
// the value is, on a list of pending blocks threaded through their headers.

extension Heap {
    /// Adds a reference and returns the value.
    @inline(__always) @discardableResult func retain(_ value: Value) -> Value {
        if value.isCounted {
            if value.isPart { return retainPart(value) }
            let payload = UInt(value.payload)
            assert(Heap.references(payload) != UInt32.max, "retained after it was freed")
            Heap.setReferences(payload, Heap.references(payload) &+ 1)
        }
        return value
    }

    @inline(__always) func release(_ value: Value) {
        if value.isCounted { releaseCounted(value) }
    }

    /// More references than values can hold: such a block lives until the run ends.
    private static var immortalReferences: UInt32 { 1 << 30 }

    /// Makes a borrowed value live until the run ends: others borrow from it without a count.
    func makeImmortal(_ value: Value) {
        if !value.isCounted { return }
        let payload = Heap.block(value)
        let references = Heap.references(payload)
        if references >= Heap.immortalReferences { return }
        Heap.setReferences(payload, references + Heap.immortalReferences)
        // Safety: the heap's own state.
        unsafe state.pointee.liveBlocks &-= 1
    }

    @inline(__always) func releaseCounted(_ value: Value) {
        if value.isPart { return releasePart(value) }
        let payload = UInt(value.payload)
        let references = Heap.references(payload)
        assert(references != UInt32.max && references > 0, "released after it was freed")
        if references > 1 {
            Heap.setReferences(payload, references &- 1)
        } else {
            dispose(value)
        }
    }

    /// Whether nobody else holds this owned value, so that it may be changed in place. A part is
    /// made whole first, if at all (see `makeWhole`).
    @inline(__always) func isUnique(_ value: Value) -> Bool {
        value.word & Value.counted != 0
            && Heap.references(UInt(value.payload)) == 1
    }

    /// Frees a whole value that nobody holds any more.
    @inline(never) func dispose(_ value: Value) {
        let payload = UInt(value.payload)
        if !value.isContainer { return free(block: payload) }
        dropIndex(payload)
        Heap.store(payload - 32, 0)
        var pending = payload
        var blockCount = 0
        while pending != 0 {
            // A run whose time is over leaves the rest to its end, where everything is freed at
            // once.
            blockCount &+= 1
            if blockCount & 255 == 0, !mayGoOn(512) { return }
            let block = pending
            pending = Heap.load(block - 32)
            let slots = Slots(address: UInt64(block))
            let count = Heap.used(block)
            var start = 0
            while start < count {
                let end = min(start &+ 512, count)
                dispose(slots, start, end, &pending)
                if end < count, !mayGoOn(1024) { return }
                start = end
            }
            Heap.store(block - 32, 0)
            free(block: block)
        }
    }

    /// Releases elements; containers that nobody else holds are put at the front of `pending`.
    @inline(__always) private func dispose(
        _ slots: Slots, _ start: Int, _ end: Int, _ pending: inout UInt
    ) {
        for i in start..<end {
            let element = slots[i]
            if !element.isCounted { continue }
            let inner = element.isPart ? Heap.block(element) : UInt(element.payload)
            let references = Heap.references(inner)
            assert(references != UInt32.max && references > 0, "released after it was freed")
            if references > 1 {
                Heap.setReferences(inner, references &- 1)
            } else if element.isContainer {
                dropIndex(inner)
                Heap.store(inner - 32, pending)
                pending = inner
            } else {
                free(block: inner)
            }
        }
    }
}
