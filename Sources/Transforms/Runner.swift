// The facade: bytes -> document -> program -> outputs -> bytes, with the limits of a run.
//
//     let runner = Runner(limits: limits)               one per thread, reused
//     try runner.begin(deadlineNanoseconds:, cancel:)   an empty heap and a full budget
//     let input = try runner.read(bytes)                borrows `bytes` until the next `begin`
//     try runner.evaluate(program, input, arguments) { output in runner.write(output, ...) }

import CMalloc
import Glibc

/// Why a run ended without all its outputs. Documents in it belong to the runner's thread: it is
/// thrown to that thread's caller and not passed on, which is what makes it `Sendable`.
public enum RunFailure: Error, @unchecked Sendable {
    /// The program raised an error that nothing caught; `offset` is in the program's text.
    case raised(Document, offset: Int)
    case limit(Limit)
    /// `halt`, `halt_error`: the status, and what `halt_error` shows.
    case halted(status: Int, message: Document?)
    /// `break` without its label; does not occur in compiled programs.
    case broke
}

/// Runs programs, one at a time, on one thread: owns the heap, the frames and the budget.
@safe public final class Runner {
    public let limits: RunLimits
    let heap: Heap
    let budget: Budget
    // Safety: allocated by `init`, freed by `deinit`, used by the thread that owns the runner.
    let state: UnsafeMutablePointer<Evaluator.State>
    private let frameBase: UnsafeMutableRawPointer
    private var reader: JSONReader
    /// The program that the caches of members are of, and the reader's names that are in them.
    private var cached: (program: UInt64, names: Int) = (0, 0)

    public init(limits: RunLimits = RunLimits()) {
        self.limits = limits
        heap = Heap(bytesMax: limits.memoryBytesMax)
        budget = Budget(heap: heap)
        reader = JSONReader(
            heap: heap, budget: budget, depthMax: limits.depthMax, counts: false,
            names: .known)
        let mapped = unsafe mmap(
            nil, limits.frameBytesMax, PROT_READ | PROT_WRITE,
            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        guard let mapped = unsafe mapped, unsafe mapped != MAP_FAILED else {
            preconditionFailure("no address space for \(limits.frameBytesMax) bytes of frames")
        }
        unsafe frameBase = mapped
        unsafe state = .allocate(capacity: 1)
        let base = Slots(address: UInt64(UInt(bitPattern: mapped)))
        let scratch = UnsafeMutablePointer<OutputBuffer>.allocate(capacity: 1)
        unsafe scratch.initialize(to: OutputBuffer(heap: heap))
        let caches = UnsafeMutablePointer<Evaluator.MemberCache>.allocate(capacity: 64)
        unsafe caches.initialize(repeating: Evaluator.MemberCache(), count: 64)
        unsafe state.initialize(
            to: Evaluator.State(
                heap: heap, budget: budget, frameTop: base, frameBase: base,
                frameEnd: base.advanced(by: limits.frameBytesMax / MemoryLayout<Value>.size),
                depthMax: limits.callDepthMax, caches: caches, cacheCapacity: 64, scratch: scratch,
                textReader: JSONReader(
                    heap: heap, budget: budget, depthMax: JSONWriter.depthMax, counts: true,
                    isLenient: true, names: .kept),
                host: Host()))
    }

    /// Whether a further runner could be made, and run: its frames take address space, not memory,
    /// which a process may have a bound of.
    public static func hasAddressSpace(for limits: RunLimits) -> Bool {
        let byteCount = limits.frameBytesMax + 256 << 20
        guard let room = SystemMemory.map(byteCount) else { return false }
        SystemMemory.unmap(room, byteCount)
        return true
    }

    deinit {
        unsafe state.pointee.scratch.deinitialize(count: 1)
        unsafe state.pointee.scratch.deallocate()
        unsafe state.pointee.caches.deallocate()
        unsafe state.deinitialize(count: 1)
        unsafe state.deallocate()
        unsafe munmap(frameBase, limits.frameBytesMax)
        budget.destroy()
        heap.destroy()
    }

    /// The most bytes that the last run held.
    public var memoryBytesPeak: Int { heap.bytesPeak }

    /// Whether a single output is released too, instead of at the next `begin`, so that tests see
    /// what else is left.
    var releasesAll = false

    /// Counted blocks in use.
    var liveBlocks: Int { heap.liveBlocks }

    /// Empties the heap and fills the budget. Earlier documents are no longer valid.
    /// - Parameter deadlineNanoseconds: of `MonotonicClock`.
    public func begin(
        deadlineNanoseconds: UInt64 = .max, stepsMax: Int? = nil, cancel: CancelFlag? = nil
    ) {
        heap.reset(retaining: limits.retainedBytesMax)
        heap.giveBack(output: false)
        heap.begin(bytesLimit: limits.memoryBytesMax, bytesOwn: limits.retainedBytesMax)
        reader.isAlone = true
        unsafe state.pointee.textReader.isAlone = true
        budget.begin(
            deadlineNanoseconds: deadlineNanoseconds, stepsMax: stepsMax ?? limits.stepsMax,
            cancel: cancel)
        unsafe state.pointee.error = .null
    }

    /// Gives back the memory of earlier runs, all but a small rest, for a thread that has nothing
    /// to do. Earlier documents are no longer valid; the next run begins like any other.
    public func releaseMemory() {
        heap.reset(retaining: 0)
        unsafe state.pointee.error = .null
        unsafe state.pointee.scratch.pointee.clear(heap)
        unsafe state.pointee.scratch.pointee.shrink(heap)
        unsafe madvise(frameBase, limits.frameBytesMax, MADV_DONTNEED)
        malloc_trim(0)
    }

    /// JSON text -> document. The bytes must stay until the next `begin`.
    /// - Parameters:
    ///   - program: the only program that will see the document, and once. The document then has no
    ///     more than the program uses, and may be changed by it.
    ///   - readableAfter: how many bytes of the same memory follow the text. They are no part of
    ///     it, but a short text is read faster where there are some.
    ///   - skipsMark: whether a byte order mark may precede the text.
    /// - Throws: `ReadFailure` with the offset of the first error.
    public func read(
        _ text: UnsafeRawBufferPointer, for program: Program? = nil, readableAfter: Int = 0,
        skipsMark: Bool = true
    ) throws(ReadFailure) -> Document {
        let projection = program?.projection ?? .whole
        return unsafe Document(
            value: try reader.readText(
                Bytes(text), projection, readableAfter: readableAfter, skipsMark: skipsMark),
            isOwned: projection.changes)
    }

    /// A string as a document.
    public func string(_ text: String) throws(RunFailure) -> Document {
        do throws(Stop) { return Document(value: try heap.string(text)) } catch {
            throw failure(error)
        }
    }

    /// The limit that was met last.
    public var limitMet: Limit { heap.limit }

    /// Runs the program on an input.
    /// - Parameters:
    ///   - arguments: the values of `program.argumentNames`, in that order.
    ///   - emit: takes each output, valid while it runs; false ends the run.
    public func evaluate(
        _ program: Program, _ input: Document, arguments: [Document] = [],
        emit: (Document) throws(RunFailure) -> Bool
    ) throws(RunFailure) {
        if program.root.hasOne {
            if let output = try output(of: program, input, arguments) {
                _ = try emit(output)
                if releasesAll { heap.release(output.value) }
            }
            return
        }
        var failed: RunFailure?
        do throws(Stop) {
            let evaluator = try prepare(program, arguments)
            let frame = unsafe state.pointee.frameBase
            _ = try evaluator.each(program.root, frame, input) { (output) throws(Stop) in
                defer { heap.release(output) }
                do throws(RunFailure) {
                    return try emit(Document(value: output)) ? .more : .stop
                } catch {
                    failed = error
                    throw .limit
                }
            }
            finish(program)
        } catch {
            if let failed { throw failed }
            throw failure(error)
        }
    }

    /// The output of a program that has at most one, kept until the next `begin`; nil for none.
    private func output(
        of program: Program, _ input: Document, _ arguments: [Document]
    ) throws(RunFailure) -> Document? {
        do throws(Stop) {
            let evaluator = try prepare(program, arguments)
            let frame = unsafe state.pointee.frameBase
            let output =
                input.isOwned
                ? try evaluator.take(program.root, frame, input.value)
                : try evaluator.one(program.root, frame, input.value)
            finish(program)
            return output.isAbsent ? nil : Document(value: output)
        } catch {
            throw failure(error)
        }
    }

    private func prepare(
        _ program: Program, _ arguments: [Document]
    ) throws(Stop) -> Evaluator {
        try budget.charge(Budget.runStepCount)
        precondition(arguments.count == program.argumentNames.count)
        let evaluator = unsafe Evaluator(state)
        let frame = unsafe state.pointee.frameBase
        unsafe state.pointee.frameTop = frame.advanced(by: program.frameSize)
        frame[0] = .absent
        if program.frameSize > 1 {
            for i in 1..<program.frameSize { frame[i] = .absent }
            for i in 0..<arguments.count { frame[i + 1] = heap.retain(arguments[i].value) }
        }
        unsafe state.pointee.depth = 0
        unsafe state.pointee.errorOffset = 0
        unsafe state.pointee.path = Evaluator.PathState()
        unsafe state.pointee.scratch.pointee.clear(heap)
        let address = Evaluator.stackAddress()
        unsafe state.pointee.stackLimit =
            address - UInt(min(limits.stackBytesMax, Int(address) / 2))
        let version = unsafe heap.state.pointee.keptNamesVersion
        if cached != (program.number, version) || (unsafe state.pointee.cachesBorrow) {
            resetCaches(for: program, version)
        }
        return evaluator
    }

    /// Empties the caches of members, but for names that are where they were in the program's last
    /// run: a line's member is then found without a look at its name.
    @inline(never) private func resetCaches(for program: Program, _ version: Int) {
        unsafe state.pointee.cachesBorrow = false
        if cached == (program.number, version) {
            let kept = unsafe heap.state.pointee.keptNames
            for i in 0..<program.cacheCount
            where unsafe !kept.contains(state.pointee.caches[i].name.payload) {
                unsafe state.pointee.caches[i].name = .absent
            }
            return
        }
        cached = (program.number, version)
        if unsafe state.pointee.cacheCapacity < program.cacheCount {
            unsafe state.pointee.caches.deallocate()
            unsafe state.pointee.caches = .allocate(capacity: program.cacheCount)
            unsafe state.pointee.cacheCapacity = program.cacheCount
        }
        unsafe state.pointee.caches.update(
            repeating: Evaluator.MemberCache(), count: program.cacheCount)
    }

    private func finish(_ program: Program) {
        if program.frameSize > 1 {
            let frame = unsafe state.pointee.frameBase
            for i in 1..<program.frameSize { heap.release(frame[i]) }
        }
        unsafe heap.release(state.pointee.error)
        unsafe state.pointee.error = .null
    }

    private func failure(_ stop: Stop) -> RunFailure {
        let evaluator = unsafe Evaluator(state)
        switch stop {
        case .raised:
            return unsafe .raised(
                Document(value: evaluator.takeError()), offset: Int(state.pointee.errorOffset))
        case .limit: return .limit(heap.limit)
        case .halted:
            let status = unsafe state.pointee.exitStatus
            let message = unsafe state.pointee.error
            return .halted(status: status, message: message.isNull ? nil : Document(value: message))
        case .broke: return .broke
        }
    }

    /// Appends a document's text, and the byte that ends it, if there is one.
    public func write(
        _ document: Document, _ options: WriteOptions = .compact, endedBy byte: UInt8? = nil,
        to out: inout OutputBuffer
    ) throws(RunFailure) {
        let writer = JSONWriter(heap: heap, budget: budget, options: options)
        do throws(Stop) {
            try writer.write(document.value, to: &out)
            if let byte { try out.append(byte, heap) }
        } catch { throw failure(error) }
        out.drainIfFull()
    }

    /// Appends a string's own bytes, and the byte that ends them, if there is one.
    public func writeRaw(
        _ document: Document, endedBy byte: UInt8? = nil, to out: inout OutputBuffer
    ) throws(RunFailure) {
        precondition(document.value.isString)
        do throws(Stop) {
            try out.append(document.value.bytes, heap)
            if let byte { try out.append(byte, heap) }
        } catch { throw failure(error) }
        out.drainIfFull()
    }

    /// Appends bytes, usually few.
    public func write(
        _ bytes: UnsafeRawBufferPointer, to out: inout OutputBuffer
    ) throws(RunFailure) {
        do throws(Stop) { unsafe try out.append(Bytes(bytes), heap) } catch {
            throw failure(error)
        }
        out.drainIfFull()
    }

    /// Appends one byte.
    public func write(_ byte: UInt8, to out: inout OutputBuffer) throws(RunFailure) {
        do throws(Stop) { try out.append(byte, heap) } catch { throw failure(error) }
        out.drainIfFull()
    }
}
