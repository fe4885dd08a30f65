// Files of newline-delimited JSON -> units of whole lines, for parallel threads. A text that is
// incomplete at the end of a file continues in the first line of the next file:
//
//     a: {"n":1}\n{"n":2}\n12      unit 0: {"n":1}\n{"n":2}\n
//     b: 3\n[4]\n                  unit 1: 123\n                 unit 2: [4]\n

import Glibc
import Transforms

@safe final class LineUnits {
    /// Lines that one thread processes as one unit.
    struct Unit {
        let index: Int
        let block: InputBlock
        /// The block to release after the unit; nil while others share a mapped file.
        let owner: InputBlock?
    }

    private let files: InputFiles
    private static let byteCount = 1 << 20
    private var block: InputBlock?
    private var offset = 0
    /// Whether earlier units share the block.
    private var isShared = false
    /// The incomplete end of the previous file.
    private var rest: [UInt8] = []
    /// The position of `offset` in its file.
    private var before = InputBlock.Before()
    private var count = 0

    init(_ files: InputFiles) { self.files = files }

    func next() -> Unit? {
        while true {
            guard let block else {
                guard files.errorCount == 0, let next = files.next() else {
                    return files.limitMet == .none ? takeRest() : nil
                }
                if next.isFirst { before.lineCount = 0 }
                block = next
                offset = 0
                isShared = false
                continue
            }
            if let unit = offset == 0 && !rest.isEmpty ? join(block) : take(block) {
                return unit
            }
        }
    }

    func giveBack(_ unit: Unit) {
        if let owner = unit.owner { files.giveBack(owner) }
    }

    /// The block's next lines; nil if they contain no whole text.
    private func take(_ block: InputBlock) -> Unit? {
        let bytes = unsafe block.bytes
        let isWhole =
            files.isAtPipe || !isShared && bytes.count - offset <= LineUnits.byteCount * 2
        let end = isWhole ? bytes.count : unsafe LineUnits.lineEnd(bytes, offset)
        let part = unsafe UnsafeRawBufferPointer(rebasing: bytes[offset..<end])
        let (start, isFirst) = (before, block.isFirst && offset == 0)
        unsafe before.pass(part, isAtStart: isFirst)
        offset = end
        isShared = !isWhole
        if end == bytes.count {
            self.block = nil
            unsafe rest = LineUnits.unfinished(part)
        }
        if rest.count == part.count {
            if isWhole { files.giveBack(block) }
            return nil
        }
        let unit = unsafe InputBlock(
            bytes: UnsafeRawBufferPointer(rebasing: part.dropLast(rest.count)),
            fileName: block.fileName, isFirst: isFirst)
        return make(unit, after: start, owner: isWhole ? block : nil)
    }

    /// The incomplete end of the previous file, joined with this one's first line; nil if that is
    /// incomplete too.
    private func join(_ block: InputBlock) -> Unit? {
        let bytes = unsafe block.bytes
        // Safety: no block is empty.
        let feed = unsafe memchr(bytes.baseAddress!, 0x0A, bytes.count)
        let end = unsafe feed.map { unsafe UnsafeRawPointer($0) - bytes.baseAddress! + 1 }
        let line = unsafe UnsafeRawBufferPointer(rebasing: bytes[..<(end ?? bytes.count)])
        let (head, start) = (rest, before)
        unsafe before.pass(line, isAtStart: false)
        offset = line.count
        guard let joined = unsafe head.withUnsafeBytes({ unsafe files.copied($0, line) }) else {
            self.block = nil
            rest = []
            return nil
        }
        unsafe rest = end == nil ? LineUnits.unfinished(joined) : []
        if offset == bytes.count {
            self.block = nil
            files.giveBack(block)
        }
        let unit = unsafe InputBlock(
            bytes: UnsafeRawBufferPointer(rebasing: joined.dropLast(rest.count)),
            fileName: block.fileName, isFirst: true, fileStart: head.count)
        if rest.count == joined.count {
            files.giveBack(unit)
            return nil
        }
        return make(unit, after: start, owner: unit)
    }

    /// The incomplete end of the last file.
    private func takeRest() -> Unit? {
        let head = rest
        rest = []
        if head.isEmpty { return nil }
        guard
            let copied = unsafe head.withUnsafeBytes({
                unsafe files.copied($0, UnsafeRawBufferPointer(start: nil, count: 0))
            })
        else {
            return nil
        }
        before.location.column -= head.count
        if files.trailingFileName != nil { before.lineCount = 0 }
        let unit = unsafe InputBlock(
            bytes: copied, fileName: files.trailingFileName ?? files.fileName, isFirst: false)
        return make(unit, after: before, owner: unit)
    }

    private func make(
        _ block: InputBlock, after before: InputBlock.Before, owner: InputBlock?
    ) -> Unit {
        block.before = before
        count += 1
        return Unit(index: count - 1, block: block, owner: owner)
    }

    /// The incomplete text at the end of a file's last line.
    private static func unfinished(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        var start = bytes.count
        // Safety: `start` is above 0 where a byte is read.
        while start > 0, unsafe bytes[start - 1] != 0x0A { start -= 1 }
        let line = unsafe UnsafeRawBufferPointer(rebasing: bytes[start...])
        var scanner = BoundaryScanner(.texts)
        unsafe scanner.scan(line)
        return unsafe Array(line[scanner.boundary...])
    }

    /// The end of the line that contains the byte one unit's size after `offset`.
    private static func lineEnd(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> Int {
        let from = offset + byteCount
        if from >= bytes.count { return bytes.count }
        // Safety: `from` is below the byte count.
        let found = unsafe memchr(bytes.baseAddress! + from, 0x0A, bytes.count - from)
        guard let found = unsafe found else { return bytes.count }
        return unsafe UnsafeRawPointer(found) - bytes.baseAddress! + 1
    }
}
