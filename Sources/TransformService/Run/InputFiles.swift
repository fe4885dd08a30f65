// The files of a command line, in order -> blocks of whole inputs. A regular file is mapped and is
// one block, unless it is compressed: then it is inflated and read like a pipe.
//
// A block of a pipe consists of the bytes that have arrived, up to the end of an input, or of all
// bytes if a file is one input. It is emitted once its last line has arrived, or 4 KiB of that
// line: so an input's line number does not depend on when its bytes arrive.

import Glibc
import Transforms

@safe final class InputFiles: InputBlocks {
    private var paths: ArraySlice<String>
    private let boundaries: BoundaryScanner.Boundaries
    /// How many files could not be read.
    private(set) var errorCount = 0
    /// Takes a sentence for each of them.
    var complain: (String) -> Void = { StandardStreams.complain($0) }
    private let deadlineNanoseconds: UInt64
    private let bytesMax: Int
    /// The bound that was met while a pipe was read: no block follows.
    private(set) var limitMet = Limit.none

    /// Whether the last block came from a pipe.
    var isAtPipe: Bool { descriptor >= 0 }
    /// Whether there may be further blocks.
    var hasMore: Bool { descriptor >= 0 || !paths.isEmpty }

    private var mappings: [FileBytes] = []
    // The pipe that is being read.
    private var descriptor: Int32 = -1
    private var gzip: GzipReader?
    private var hasReadAll = false
    /// The file that was opened last.
    private(set) var fileName = ""
    private var isFirst = false
    private(set) var trailingFileName: String?
    private var scanner: BoundaryScanner
    // Safety: `pending` holds `capacity` bytes from malloc, `count` of them read and not yet
    // emitted.
    private var pending: UnsafeMutableRawPointer?
    private var capacity = 0
    private var count = 0

    private static let readByteCount = 1 << 18

    /// - Parameters:
    ///   - paths: `-` is the standard input.
    ///   - deadlineNanoseconds: of `MonotonicClock`; no pipe is waited for any longer.
    ///   - bytesMax: bound on the bytes of one block of a pipe.
    init(
        _ paths: [String], boundaries: BoundaryScanner.Boundaries, deadlineNanoseconds: UInt64,
        bytesMax: Int
    ) {
        self.paths = paths[...]
        self.deadlineNanoseconds = deadlineNanoseconds
        self.bytesMax = bytesMax
        self.boundaries = boundaries
        scanner = BoundaryScanner(boundaries)
    }

    deinit {
        unsafe free(pending)
        if descriptor > 0 { close(descriptor) }
    }

    func next() -> InputBlock? {
        while true {
            if descriptor >= 0 {
                if let block = nextOfPipe() { return block }
                if limitMet != .none { return nil }
                if descriptor > 0 { close(descriptor) }
                descriptor = -1
                gzip = nil
            }
            guard let path = paths.popFirst() else { return nil }
            guard let opened = open(path) else { continue }
            if let mapping = FileBytes(mapping: opened),
                unsafe !GzipReader.begins(mapping.bytes)
            {
                mappings.append(mapping)
                if opened > 0 { close(opened) }
                trailingFileName = nil
                return unsafe InputBlock(bytes: mapping.bytes, fileName: fileName, isFirst: true)
            }
            descriptor = opened
            isFirst = true
            hasReadAll = false
            scanner = BoundaryScanner(boundaries)
        }
    }

    func joined(_ block: InputBlock, from offset: Int) -> InputBlock? {
        let rest = unsafe UnsafeRawBufferPointer(rebasing: block.bytes[offset...])
        guard let first = next() else { return nil }
        var parts = [first]
        var byteCount = unsafe rest.count + first.bytes.count
        // Repeated joins at least double the size.
        while byteCount < 2 * rest.count, descriptor >= 0, let more = nextOfPipe() {
            parts.append(more)
            unsafe byteCount += more.bytes.count
        }
        return unsafe joined(rest, parts)
    }

    /// A text's bytes so far and the blocks that follow, which are given back, as one block.
    func joined(_ rest: UnsafeRawBufferPointer, _ parts: [InputBlock]) -> InputBlock? {
        defer { for part in parts { giveBack(part) } }
        let byteCount = parts.reduce(rest.count) { unsafe $0 + $1.bytes.count }
        if byteCount > bytesMax { limitMet = .memory }
        guard limitMet == .none, let first = parts.first else { return nil }
        guard let memory = unsafe malloc(max(byteCount, 1)) else {
            fail(FileError(path: fileName, code: ENOMEM))
            return nil
        }
        let all = unsafe UnsafeMutableRawBufferPointer(start: memory, count: byteCount)
        unsafe all.copyBytes(from: rest)
        var end = rest.count
        for part in parts {
            unsafe UnsafeMutableRawBufferPointer(rebasing: all[end...]).copyBytes(from: part.bytes)
            unsafe end += part.bytes.count
        }
        let joined = unsafe InputBlock(
            bytes: UnsafeRawBufferPointer(all), fileName: first.fileName, isFirst: first.isFirst,
            fileStart: first.isFirst ? rest.count : 0)
        joined.lineRest = parts.last?.lineRest
        return joined
    }

    func giveBack(_ block: InputBlock) {
        let base = unsafe block.bytes.baseAddress
        guard let (index, _) = unsafe mapping(at: base) else {
            unsafe free(UnsafeMutableRawPointer(mutating: base))
            return
        }
        if wholeFile(block) != nil || mappings[index].dropPart() { mappings.remove(at: index) }
    }

    /// The mapped file, if the block is all of it.
    func wholeFile(_ block: InputBlock) -> FileBytes? {
        guard let (index, offset) = unsafe mapping(at: block.bytes.baseAddress) else { return nil }
        let file = mappings[index]
        return unsafe offset == 0 && block.bytes.count == file.bytes.count ? file : nil
    }

    /// A part of a mapped file is in use until it is given back, and the file until its last part
    /// has been shared and all are given back.
    func share(_ part: InputBlock, isLast: Bool) {
        guard let (index, _) = unsafe mapping(at: part.bytes.baseAddress) else { return }
        mappings[index].addPart(isLast: isLast)
    }

    func pass(_ block: InputBlock, upto offset: Int) {
        guard let (index, start) = unsafe mapping(at: block.bytes.baseAddress) else { return }
        mappings[index].pass(upto: start + offset)
    }

    /// The mapping that an address is in, and the offset there.
    private func mapping(at address: UnsafeRawPointer?) -> (index: Int, offset: Int)? {
        for (index, mapping) in mappings.enumerated() {
            if let offset = unsafe mapping.offset(of: address) { return (index, offset) }
        }
        return nil
    }

    private func open(_ path: String) -> Int32? {
        fileName = path == "-" ? "<stdin>" : path
        trailingFileName = fileName
        if path == "-" { return STDIN_FILENO }
        do throws(FileError) { return try FileBytes.open(path) } catch {
            fail(error)
            return nil
        }
    }

    private func fail(_ error: FileError) {
        errorCount += 1
        let reason = Process.message(ofSystemError: error.code)
        complain("error: Could not open file \(error.path): \(reason)")
    }

    /// The bytes of the pipe, up to the end of an input; nil at its end.
    private func nextOfPipe() -> InputBlock? {
        while true {
            guard reserve(), waitForBytes() else { return nil }
            guard let read = readMore(), read > 0 else {
                hasReadAll = true
                // A file that must be one input is emitted even if it is empty.
                return count > 0 || isFirst && boundaries == .whole && errorCount == 0
                    ? give(count, 0) : nil
            }
            count += read
            if isFirst && beginsAsGzip() { continue }
            if boundaries == .whole { continue }
            unsafe scanner.scan(UnsafeRawBufferPointer(start: pending, count: count))
            // A line may be long, and hold many inputs.
            for boundary in [scanner.boundary, scanner.earlierBoundary] where boundary > 0 {
                if let lineRest = lineRest(after: boundary) {
                    scanner.take(boundary)
                    return give(boundary, lineRest)
                }
            }
        }
    }

    /// How many bytes were added to the pending ones; 0 at the end, nil after a complaint.
    private func readMore() -> Int? {
        if hasReadAll { return 0 }
        let room = unsafe UnsafeMutableRawBufferPointer(
            start: pending.unsafelyUnwrapped + count, count: capacity - count)
        if let gzip {
            do throws(GzipFailure) { return unsafe try gzip.read(into: room) } catch {
                errorCount += 1
                complain("error: Could not read \(fileName): \(error.sentence)")
                return nil
            }
        }
        while true {
            let read = unsafe Glibc.read(descriptor, room.baseAddress, room.count)
            if read >= 0 { return read }
            if errno == EINTR { continue }
            errorCount += 1
            complain("error: \(Process.message(ofSystemError: errno))")
            return nil
        }
    }

    /// Whether the file's first bytes are not to be taken for its content: they are compressed, or
    /// may be.
    private func beginsAsGzip() -> Bool {
        let bytes = unsafe UnsafeRawBufferPointer(start: pending, count: count)
        if gzip != nil || count == 0 { return false }
        if unsafe GzipReader.begins(bytes) {
            gzip = unsafe GzipReader(descriptor, after: bytes)
            count = 0
            return true
        }
        // Safety: there is a byte.
        return unsafe count == 1 && bytes[0] == 0x1F
    }

    /// Waits until the pipe has bytes or ends; false at the deadline.
    private func waitForBytes() -> Bool {
        if gzip?.hasMore == true { return true }
        while deadlineNanoseconds != .max {
            let now = MonotonicClock.nanoseconds()
            if now >= deadlineNanoseconds {
                limitMet = .deadline
                return false
            }
            let milliseconds = min((deadlineNanoseconds - now) / 1_000_000 + 1, 1 << 30)
            var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let ready = unsafe poll(&waiting, 1, Int32(milliseconds))
            if ready > 0 || ready < 0 && errno != EINTR { return true }
        }
        return true
    }

    /// Bytes after the boundary up to the end of its line, or 0 if that is far; nil if it has not
    /// arrived yet.
    private func lineRest(after boundary: Int) -> Int? {
        // Safety: `boundary` is above 0 and at most `count`, the bytes that have arrived.
        guard let line = unsafe pending.map({ unsafe $0 + boundary }) else { return nil }
        if unsafe (line - 1).load(as: UInt8.self) == 0x0A { return 0 }
        if let feed = unsafe memchr(line, 0x0A, count - boundary) { return unsafe feed - line + 1 }
        return count - boundary >= BoundaryScanner.lineByteCountMax ? 0 : nil
    }

    /// Makes room for more bytes of the pipe.
    private func reserve() -> Bool {
        if capacity - count >= InputFiles.readByteCount / 4 { return true }
        if count > bytesMax {
            limitMet = .memory
            return false
        }
        let wanted = max(InputFiles.readByteCount, capacity * 2)
        guard let grown = unsafe realloc(pending, wanted) else {
            fail(FileError(path: fileName, code: ENOMEM))
            return false
        }
        unsafe pending = unsafe grown
        capacity = wanted
        return true
    }

    /// Emits the first bytes with their memory; the rest is moved to new memory.
    private func give(_ byteCount: Int, _ lineRest: Int) -> InputBlock? {
        guard let given = unsafe pending else { return nil }
        let rest = count - byteCount
        unsafe pending = nil
        capacity = 0
        count = 0
        if rest > 0 {
            let wanted = max(InputFiles.readByteCount, rest * 2)
            guard let moved = unsafe malloc(wanted) else {
                fail(FileError(path: fileName, code: ENOMEM))
                return nil
            }
            // Safety: the emitted memory holds the rest after the first `byteCount` bytes.
            unsafe memcpy(moved, given + byteCount, rest)
            unsafe pending = unsafe moved
            capacity = wanted
            count = rest
        }
        let block = unsafe InputBlock(
            bytes: UnsafeRawBufferPointer(start: given, count: byteCount), fileName: fileName,
            isFirst: isFirst)
        block.lineRest = lineRest > 0 ? lineRest : nil
        isFirst = false
        trailingFileName = nil
        return block
    }
}
