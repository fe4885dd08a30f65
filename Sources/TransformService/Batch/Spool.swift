// Outputs that a client does not read yet -> an unnamed file, first in, first out:
//
//     loop            append(bytes) ......... then            takeFirst ......... then
//     queue "spool"                  write                               read
//
// A disk may be slow, so neither loops nor workers wait for it.

import CFiles
import Dispatch
import Glibc
import HTTPKit
import Synchronization

import struct NIOCore.ByteBuffer

/// The folder for the spools of all batches, with one bound for all of them.
final class SpoolFolder: Sendable {
    /// The bound on the total size of the files.
    let bytesMax: Int
    private let path: String
    private let memory: MemoryAccount
    /// Whether the folder is in a file system in memory.
    private let isMemory: Bool
    private let used = Atomic<Int>(0)
    private let full = Atomic<Int>(0)
    fileprivate let perform: @Sendable (@escaping @Sendable () -> Void) -> Void

    /// - Parameters:
    ///   - bytesMax: 0 for no spool.
    ///   - memory: the account that counts files in memory.
    ///   - perform: runs closures in order, on any thread.
    init(
        _ path: String, bytesMax: Int, _ memory: MemoryAccount,
        perform: @escaping @Sendable (@escaping @Sendable () -> Void) -> Void
    ) {
        self.path = path
        self.bytesMax = bytesMax
        self.memory = memory
        self.perform = perform
        isMemory = Self.isMemoryFileSystem(path)
    }

    convenience init(_ path: String, bytesMax: Int, _ memory: MemoryAccount) {
        let queue = DispatchQueue(label: "spool")
        self.init(path, bytesMax: bytesMax, memory) { queue.async(execute: $0) }
    }

    /// The total size of the files.
    var bytes: Int { used.load(ordering: .relaxed) }
    /// Outputs for which there was no room, or whose write failed.
    var fullCount: Int { full.load(ordering: .relaxed) }

    /// The error number of creating a file there; nil if that succeeds, or if there is no spool.
    func fault() -> Int32? {
        if bytesMax == 0 { return nil }
        let descriptor = open()
        if descriptor < 0 { return errno }
        close(descriptor)
        return nil
    }

    private static func isMemoryFileSystem(_ path: String) -> Bool {
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

    /// - Returns: a new unnamed file; below 0 for an error.
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

/// The spool of one batch. Its variables belong to the loop, the file to the queue.
final class Spool: @unchecked Sendable {
    /// The most bytes read back at once.
    private static var pieceBytes: Int { 256 << 10 }

    /// Bytes that are written and not taken yet.
    private(set) var byteCount = 0
    /// An operation on the file is pending: no other may be started.
    private(set) var isBusy = false
    private let folder: SpoolFolder
    private let eventLoop: EventLoop
    private let file: SpoolFile

    init(_ folder: SpoolFolder, _ eventLoop: EventLoop) {
        self.folder = folder
        self.eventLoop = eventLoop
        file = SpoolFile(folder)
    }

    /// - Parameter then: called on the loop, possibly at once: with false if there is no room or
    ///   the write failed; then nothing was appended.
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

    /// Takes the oldest bytes.
    /// - Parameter then: called on the loop; with nil if the read failed.
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

/// Its variables belong to the spool's queue, which runs one closure at a time.
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
            // Safety: the call writes within the room, and returns how many bytes it has written.
            var count = 0
            unsafe bytes.writeWithUnsafeMutableBytes(minimumWritableBytes: missing) {
                unsafe count = pread(descriptor, $0.baseAddress, missing, off_t(offset))
                return max(0, count)
            }
            // 0 means that the file is shorter than what was written to it.
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
