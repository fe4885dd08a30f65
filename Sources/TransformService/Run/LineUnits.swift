// Files of JSON texts -> units of whole lines, for parallel threads. What has arrived of a pipe is
// a unit, and so is a file that is short or whose first line does not consist of whole texts. A
// text may go on in the next unit or file; then the thread that reads its beginning takes all that
// follows:
//
//     a: {"n":1}\n{"n":2}\n[    unit 0: {"n":1}\n{"n":2}\n     unit 1: [
//     b: 3]\n[4]\n              unit 2: 3]\n[4]\n              unit 1 goes on with unit 2's bytes
//
// Not thread-safe.

import Glibc
import Transforms

@safe final class LineUnits {
    /// Lines that one thread processes as one unit.
    struct Unit {
        let index: Int
        let block: InputBlock
        /// The mapped file that it is the whole of: what has been read of it may be released.
        let file: FileBytes?
        /// What is to be said before it of files that could not be read.
        let complaints: [String]
    }

    private let files: InputFiles
    private static let unitByteCount = 1 << 19
    /// A mapped file of which some is left, from `offset` on.
    private var block: InputBlock?
    private var offset = 0
    /// What precedes the last unit, whose lines are counted when another one follows.
    private var before = InputBlock.Before()
    private var last: InputBlock?
    private var isLastFinished = false
    private var count = 0
    /// The units that are not finished, in order.
    private var unfinished: [Unit] = []
    /// Units that were taken and not written when one thread went on alone, in order.
    private var returned: ArraySlice<Unit> = []
    private var isAlone = false

    /// Bytes of all units so far, and whether there may be further ones.
    private(set) var byteCount = 0
    var hasMore: Bool { block != nil || files.hasMore }

    /// What is to be said of files after the last unit.
    private var complaints: [String] = []
    /// Whether a file before the last block could not be read: as in jq, one input follows then.
    private(set) var isAfterFileError = false

    init(_ files: InputFiles) {
        self.files = files
        files.complain = { [unowned self] in complaints.append($0) }
    }

    /// The next unit; nil at the end, and for all threads but the one that is alone.
    func next() -> Unit? {
        guard !isAlone, files.errorCount == 0, let block = cut() else { return nil }
        let unit = Unit(
            index: count, block: block, file: files.wholeFile(block), complaints: complaints)
        complaints = []
        count += 1
        unsafe byteCount += block.bytes.count
        unfinished.append(unit)
        return unit
    }

    /// Gives back a unit whose outputs have been written.
    func finish(_ index: Int) {
        guard let found = unfinished.firstIndex(where: { $0.index == index }) else { return }
        let block = unfinished.remove(at: found).block
        if block === last { isLastFinished = true } else { drop(block) }
    }

    // MARK: The thread that is alone

    /// From now on there are no units: one thread goes on with what follows the unit.
    func goAlone(after index: Int) {
        isAlone = true
        files.complain = { [unowned self] in complain([$0]) }
        returned = unfinished.filter { $0.index > index }[...]
        unfinished = []
        last = nil
    }

    var limitMet: Limit { files.limitMet }
    var trailingFileName: String? { files.trailingFileName }

    func giveBack(_ block: InputBlock) { files.giveBack(block) }
    func pass(_ block: InputBlock, upto offset: Int) { files.pass(block, upto: offset) }

    /// Says what could not be read before a block.
    func complain(_ sentences: [String]) {
        for sentence in sentences { StandardStreams.complain(sentence) }
        if !sentences.isEmpty { isAfterFileError = true }
    }

    /// What follows, in order.
    func nextBlock() -> InputBlock? {
        if let unit = returned.popFirst() {
            complain(unit.complaints)
            // Its reader counts lines itself.
            unit.block.before = nil
            return unit.block
        }
        complainAtEnd()
        return cut()
    }

    /// Says what could not be read after the last unit.
    func complainAtEnd() {
        complain(complaints)
        complaints = []
    }

    /// A block's bytes from `offset` on and some of what follows, as one block.
    func joined(_ block: InputBlock, from offset: Int) -> InputBlock? {
        let rest = unsafe UnsafeRawBufferPointer(rebasing: block.bytes[offset...])
        // What follows in a mapped file needs no copy.
        var end = rest.count
        while let next = returned.first?.block, !next.isFirst, unsafe rest.ends(at: next, end) {
            unsafe end += next.bytes.count
            returned.removeFirst()
        }
        if returned.isEmpty, let left = self.block,
            unsafe (rest.baseAddress.unsafelyUnwrapped + end
                == left.bytes.baseAddress.unsafelyUnwrapped + self.offset)
        {
            unsafe end += left.bytes.count - self.offset
            self.block = nil
        }
        if end > rest.count {
            let whole = unsafe UnsafeRawBufferPointer(start: rest.baseAddress, count: end)
            return unsafe InputBlock(bytes: whole, fileName: block.fileName, isFirst: false)
        }
        if returned.isEmpty && self.block == nil {
            complainAtEnd()
            return files.joined(block, from: offset)
        }
        var parts: [InputBlock] = []
        var byteCount = rest.count
        // Repeated joins at least double the size.
        while byteCount < 2 * rest.count, parts.isEmpty || returned.first?.block.isFirst == false,
            let next = nextBlock()
        {
            unsafe byteCount += next.bytes.count
            parts.append(next)
        }
        return unsafe files.joined(rest, parts)
    }

    // MARK: Cutting

    private func cut() -> InputBlock? {
        if let block {
            countLines()
            return cut(block, at: offset)
        }
        guard let next = files.next() else { return nil }
        countLines()
        if next.isFirst { (before.lineCount, before.lineByteCount) = (0, 0) }
        if !files.isAtPipe && !isAlone && LineUnits.isShared(next) { return cut(next, at: 0) }
        note(next)
        return next
    }

    /// The next lines of a mapped file; all that is left for the thread that is alone.
    private func cut(_ file: InputBlock, at start: Int) -> InputBlock {
        let end = unsafe isAlone ? file.bytes.count : LineUnits.lineEnd(file.bytes, start)
        let lines = unsafe InputBlock(
            bytes: UnsafeRawBufferPointer(rebasing: file.bytes[start..<end]),
            fileName: file.fileName, isFirst: start == 0)
        note(lines)
        files.share(lines, isLast: unsafe end == file.bytes.count)
        block = unsafe end < file.bytes.count ? file : nil
        offset = end
        return lines
    }

    /// Whether a mapped file is cut into units: it is long, and begins with a line of whole texts.
    private static func isShared(_ file: InputBlock) -> Bool {
        if unsafe file.bytes.count <= 2 * unitByteCount { return false }
        let start = unsafe UnsafeRawBufferPointer(rebasing: file.bytes[..<unitByteCount])
        return unsafe BoundaryScanner.beginsWithLine(start) == true
    }

    private func note(_ block: InputBlock) {
        if isAlone { return }
        block.before = before
        last = block
    }

    /// Goes on behind the last unit.
    private func countLines() {
        guard let last else { return }
        unsafe before.pass(last.bytes, isAtStart: last.isFirst)
        if isLastFinished { drop(last) }
        isLastFinished = false
        self.last = nil
    }

    private func drop(_ block: InputBlock) {
        unsafe files.pass(block, upto: block.bytes.count)
        files.giveBack(block)
    }

    /// The end of the line that contains the byte one unit's size after `offset`.
    private static func lineEnd(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> Int {
        let from = offset + unitByteCount
        if from >= bytes.count { return bytes.count }
        // Safety: `from` is below the byte count.
        let found = unsafe memchr(bytes.baseAddress! + from, 0x0A, bytes.count - from)
        guard let found = unsafe found else { return bytes.count }
        return unsafe UnsafeRawPointer(found) - bytes.baseAddress! + 1
    }
}

extension UnsafeRawBufferPointer {
    /// Whether a block begins where the first `count` bytes end.
    fileprivate func ends(at block: InputBlock, _ count: Int) -> Bool {
        unsafe baseAddress.unsafelyUnwrapped + count == block.bytes.baseAddress
    }
}
