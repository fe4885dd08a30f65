// Memory that matchers keep between searches, and the steps they are charged for.

/// A growing run of trivial values, owned.
struct RegexBuffer<Element: BitwiseCopyable>: ~Copyable {
    private(set) var view: RegexView<Element>

    init() {
        view = RegexView.allocate(copying: [])
    }

    var capacity: Int { view.count }
    var byteCount: Int { view.count * MemoryLayout<Element>.stride }

    /// Makes room for at least `count` elements, all readable; the old ones are kept.
    mutating func grow(to count: Int, filling value: Element) {
        guard count > view.count else { return }
        var elements = [Element](repeating: value, count: max(count, 2 * view.count))
        for index in 0..<view.count { elements[index] = view[index] }
        view.deallocate()
        view = RegexView.allocate(copying: elements)
    }

    deinit { view.deallocate() }
}

/// Counts a search's steps, and hands them to the caller in slices.
struct RegexSteps {
    /// How many steps are taken between two charges.
    static let slice = 1_024

    /// Steps since the last charge.
    private(set) var pending = 0
    /// Steps of this search, including the pending ones.
    private(set) var total = 0

    /// Whether it is time to charge.
    @inline(__always)
    mutating func take(_ count: Int) -> Bool {
        pending &+= count
        return pending >= Self.slice
    }

    /// What is to be charged now.
    mutating func flush() -> Int {
        let count = pending
        total &+= count
        pending = 0
        return count
    }
}

/// A program as the matchers read it: views into a `Regex` that outlives the search.
struct RegexCode {
    let instructions: RegexView<RegexInstruction>
    let sets: RegexView<RegexSetEntry>
    let bounds: RegexView<UInt32>
    let groupLists: RegexView<Int32>
    let registerCount: Int

    init(_ regex: borrowing Regex) {
        instructions = regex.instructions
        sets = regex.sets
        bounds = regex.bounds
        groupLists = regex.groupLists
        registerCount = regex.registerCount
    }

    @inline(__always)
    func contains(_ set: Int32, _ scalar: UInt32) -> Bool {
        let entry = sets[Int(set)]
        if scalar < 128 {
            let word = scalar < 64 ? entry.low : entry.high
            return word &>> UInt64(scalar) & 1 != 0
        }
        return containsBeyond(entry, scalar)
    }

    private func containsBeyond(_ entry: RegexSetEntry, _ scalar: UInt32) -> Bool {
        var low = 0
        var high = Int(entry.boundCount) / 2
        let first = Int(entry.firstBound)
        let end = high
        while low < high {
            let middle = (low + high) / 2
            if bounds[first + 2 * middle + 1] < scalar { low = middle + 1 } else { high = middle }
        }
        return low < end && bounds[first + 2 * low] <= scalar
    }

    /// Whether an operation for one character matches a scalar.
    @inline(__always)
    func accepts(_ operation: RegexOperation, _ x: Int32, _ scalar: UInt32) -> Bool {
        switch operation {
        case .byte, .scalar: scalar == UInt32(bitPattern: x)
        case .set: contains(x, scalar)
        case .any: true
        case .anyButNewline: scalar != 0x0A
        default: false
        }
    }

    /// How many bytes of a run are taken between two charges.
    private static let chunkBytes = 1 << 14

    /// The end of all the characters of a run instruction from an offset on.
    func wholeRun(
        _ run: RegexInstruction, in subject: RegexSubject, from start: Int,
        _ steps: inout RegexSteps, _ charge: (Int) throws(RegexStop) -> Void
    ) throws(RegexStop) -> Int {
        var offset = start
        while true {
            let stop = min(offset + Self.chunkBytes, subject.count)
            let before = offset
            offset = runEnd(run, in: subject, from: offset, to: stop)
            // A run is cheap: 16 bytes are a step.
            if steps.take((offset - before) >> 4) { try charge(steps.flush()) }
            if offset < stop || offset >= subject.count { return offset }
        }
    }

    /// The end of the run, or the first character's start at `stop` or beyond.
    private func runEnd(
        _ run: RegexInstruction, in subject: RegexSubject, from start: Int, to stop: Int
    ) -> Int {
        var offset = start
        let isSet = run.single == .set
        let entry = isSet ? sets[Int(run.x)] : RegexSetEntry()
        while offset < stop {
            let byte = subject[offset]
            if isSet, byte < 0x80 {
                let word = byte < 64 ? entry.low : entry.high
                guard word &>> UInt64(byte) & 1 != 0 else { break }
                offset += 1
                continue
            }
            let (scalar, byteCount) = subject.scalar(at: offset)
            guard accepts(run.single, run.x, scalar) else { break }
            offset += byteCount
        }
        return offset
    }

    /// The end of at most `count` characters of a run, and how many they are.
    func counted(
        _ run: RegexInstruction, in subject: RegexSubject, from start: Int, count: Int
    ) -> (end: Int, count: Int) {
        var offset = start
        var taken = 0
        while taken < count, offset < subject.count {
            let (scalar, byteCount) = subject.scalar(at: offset)
            guard accepts(run.single, run.x, scalar) else { break }
            offset += byteCount
            taken += 1
        }
        return (offset, taken)
    }
}
