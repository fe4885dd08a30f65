// Outputs that a client does not read yet -> a file that has no name, first in, first out:
//
//     loop            append(bytes) ......... then            takeFirst ......... then
//     queue "spool"                  write                               read
//
// A disk may take its time, so that neither loops nor workers wait for it.

import CFiles
import Dispatch
import Glibc
import HTTPKit
import Synchronization

import struct NIOCore.ByteBuffer

/// Where batches keep such outputs, all of them within one bound.
final class SpoolFolder: Sendable {
    /// What the files of all batches take together at most.
    let bytesMax: Int
    private let path: String
    private let memory: MemoryAccount
    /// The folder's files lie in memory.
    private let isMemory: Bool
    private let used = Atomic<Int>(0)
    private let full = Atomic<Int>(0)
    fileprivate let perform: @Sendable (@escaping @Sendable () -> Void) -> Void

    /// - Parameters:
    ///   - bytesMax: 0 for no spool.
    ///   - memory: what files in memory are counted with.
    ///   - perform: calls what it is given, one after the other, on any thread.
    init(
        _ path: String, bytesMax: Int, _ memory: MemoryAccount,
        perform: @escaping @Sendable (@escaping @Sendable () -> Void) -> Void
    ) {
        self.path = path
        self.bytesMax = bytesMax
        self.memory = memory
        self.perform = perform
        isMemory = Self.liesInMemory(path)
    }

    convenience init(_ path: String, bytesMax: Int, _ memory: MemoryAccount) {
        let queue = DispatchQueue(label: "spool")
        self.init(path, bytesMax: bytesMax, memory) { queue.async(execute: $0) }
    }

    /// Bytes of the files now.
    var bytes: Int { used.load(ordering: .relaxed) }
    /// Outputs that found no room, or could not be written.
    var fullCount: Int { full.load(ordering: .relaxed) }

    /// Why no file can be made there: the system's error number; nil if one can, or none is to be.
    func fault() -> Int32? {
        if bytesMax == 0 { return nil }
        let descriptor = open()
        if descriptor < 0 { return errno }
        close(descriptor)
        return nil
    }

    private static func liesInMemory(_ path: String) -> Bool {
        // tmpfs, ramfs
        // Safety: the bridging keeps the path for the call's length.
        [0x0102_1994, 0x8584_58F6].contains(unsafe file_system_type(path) & 0xFFFF_FFFF)
    }

    fileprivate func take(_ byteCount: Int) -> Bool {
        if used.add(byteCount, ordering: .relaxed).newValue <= bytesMax,
            !isMemory || memory.take(byteCount, .batches)
        {
            return true
        }
        used.subtract(byteCount, ordering: .relaxed)
        return false
    }

    fileprivate func giveBack(_ byteCount: Int) {
        used.subtract(byteCount, ordering: .relaxed)
        if isMemory { memory.add(-byteCount, .batches) }
    }

    fileprivate func noteFull() { full.add(1, ordering: .relaxed) }

    /// - Returns: a new file without a name; below 0 for an error.
    fileprivate func open() -> Int32 {
        var name = Array("\(path)/transform-spool-XXXXXX".utf8CString)
        // Safety: the array is the name's memory, ended by 0, for both calls.
        return unsafe name.withUnsafeMutableBufferPointer {
            guard let name = $0.baseAddress else { return -1 }
            let descriptor = unsafe mkstemp(name)
            if descriptor >= 0 { unsafe unlink(name) }
            return descriptor
        }
    }
}

/// One batch's. Its variables belong to the loop; the file is the queue's.
final class Spool: @unchecked Sendable {
    /// Read back at once.
    private static var pieceBytes: Int { 256 << 10 }

    /// What is written and not taken yet.
    private(set) var byteCount = 0
    /// The file is worked on: nothing else may be asked for.
    private(set) var isBusy = false
    private let folder: SpoolFolder
    private let eventLoop: EventLoop
    private let file: SpoolFile

    init(_ folder: SpoolFolder, _ eventLoop: EventLoop) {
        self.folder = folder
        self.eventLoop = eventLoop
        file = SpoolFile(folder)
    }

    /// - Parameter then: called on the loop, maybe at once: with false if there is no room, or the
    ///   file can't be written; then nothing was appended.
    func append(_ bytes: ByteBuffer, then: @escaping @Sendable (Bool) -> Void) {
        let count = bytes.readableBytes
        guard folder.take(count) else {
            folder.noteFull()
            return then(false)
        }
        isBusy = true
        folder.perform { [file, folder, eventLoop] in
            let isWritten = file.append(bytes)
            if !isWritten {
                folder.giveBack(count)
                folder.noteFull()
            }
            eventLoop.execute {
                self.isBusy = false
                if isWritten { self.byteCount += count }
                then(isWritten)
            }
        }
    }

    /// Takes what was written first.
    /// - Parameter then: called on the loop; with nil if the file can't be read.
    func takeFirst(then: @escaping @Sendable (ByteBuffer?) -> Void) {
        let count = min(byteCount, Self.pieceBytes)
        isBusy = true
        folder.perform { [file, eventLoop] in
            let bytes = file.takeFirst(count)
            eventLoop.execute {
                self.isBusy = false
                self.byteCount -= count
                then(bytes)
            }
        }
    }
}

/// Its variables belong to the spool's queue, where one call comes after the other.
private final class SpoolFile: @unchecked Sendable {
    private let folder: SpoolFolder
    private var descriptor: Int32 = -1
    private var start = 0
    private var end = 0

    init(_ folder: SpoolFolder) { self.folder = folder }

    deinit {
        folder.giveBack(end)
        if descriptor >= 0 { close(descriptor) }
    }

    func append(_ bytes: ByteBuffer) -> Bool {
        if descriptor < 0 { descriptor = folder.open() }
        guard descriptor >= 0 else { return false }
        let isWritten = unsafe bytes.withUnsafeReadableBytes { memory in
            var done = 0
            while done < memory.count {
                // Safety: below the memory's end.
                let count = unsafe pwrite(
                    descriptor, memory.baseAddress! + done, memory.count - done, end + done)
                if count < 0, errno == EINTR { continue }
                if count <= 0 { return false }
                done += count
            }
            return true
        }
        if isWritten { end += bytes.readableBytes }
        return isWritten
    }

    func takeFirst(_ byteCount: Int) -> ByteBuffer? {
        var bytes = ByteBuffer()
        while bytes.readableBytes < byteCount {
            let missing = byteCount - bytes.readableBytes
            let offset = start + bytes.readableBytes
            // Safety: the call writes below the room's end, as many bytes as it says.
            var count = 0
            unsafe bytes.writeWithUnsafeMutableBytes(minimumWritableBytes: missing) {
                unsafe count = pread(descriptor, $0.baseAddress, missing, off_t(offset))
                return max(0, count)
            }
            // At 0 the file is shorter than what was written to it.
            if count == 0 || count < 0 && errno != EINTR { return nil }
        }
        start += byteCount
        if start == end {
            ftruncate(descriptor, 0)
            folder.giveBack(end)
            (start, end) = (0, 0)
        }
        return bytes
    }
}
