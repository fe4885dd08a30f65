// A closure -> a thread with a stack of a given size.

import CMalloc
import Glibc

enum Thread {
    private final class Box {
        let body: () -> Void

        init(_ body: @escaping () -> Void) { self.body = body }
    }

    /// Starts a detached thread.
    /// - Parameters:
    ///   - name: at most 15 bytes.
    ///   - niceness: above 0, the machine's other threads have priority.
    /// - Returns: false if the system has no thread left.
    static func start(
        name: String, stackBytes: Int, niceness: Int32 = 0, _ body: @escaping @Sendable () -> Void
    ) -> Bool {
        let thread = create(stackBytes: stackBytes) {
            setName(name)
            if niceness != 0 { setpriority(Int32(PRIO_PROCESS.rawValue), 0, niceness) }
            body()
        }
        guard let thread else { return false }
        pthread_detach(thread)
        return true
    }

    /// Creates a thread, which must be joined or detached; nil if the system has none left.
    static func create(stackBytes: Int, _ body: @escaping () -> Void) -> pthread_t? {
        var attributes = pthread_attr_t()
        // Safety: the attributes are initialised here, used once and destroyed; the box is retained
        // for the thread, which releases it.
        unsafe pthread_attr_init(&attributes)
        defer { unsafe pthread_attr_destroy(&attributes) }
        unsafe pthread_attr_setstacksize(&attributes, stackBytes)
        let box = unsafe Unmanaged.passRetained(Box(body))
        var thread = pthread_t()
        let result = unsafe pthread_create(
            &thread, &attributes,
            { argument in
                guard let argument = unsafe argument else { return nil }
                let box = unsafe Unmanaged<Box>.fromOpaque(argument).takeRetainedValue()
                box.body()
                return nil
            }, box.toOpaque())
        guard result == 0 else {
            unsafe box.release()
            return nil
        }
        return thread
    }

    /// Suspends the calling thread; a signal may wake it earlier.
    static func sleep(milliseconds: Int32) {
        _ = poll(nil, 0, milliseconds)
    }

    /// Stack below the caller's that is kept, as it will be used again at once.
    private static var stackBytesKept: UInt { 64 << 10 }

    /// Releases the part of the calling thread's stack that deep calls have used.
    static func releaseStack() {
        var attributes = pthread_attr_t()
        // Safety: the attributes are those of this thread, and are destroyed.
        guard unsafe thread_attributes(pthread_self(), &attributes) == 0 else { return }
        defer { unsafe pthread_attr_destroy(&attributes) }
        var lowest: UnsafeMutableRawPointer?
        var byteCount = 0
        unsafe pthread_attr_getstack(&attributes, &lowest, &byteCount)
        guard let lowest = unsafe lowest else { return }
        let here = unsafe withUnsafeMutablePointer(to: &byteCount) { UInt(bitPattern: $0) }
        let start = UInt(bitPattern: lowest)
        let end = (here - stackBytesKept) & ~4095
        // Safety: between the stack's lowest address and the part in use by this thread.
        if end > start { unsafe madvise(lowest, Int(end - start), MADV_DONTNEED) }
    }

    /// Names the calling thread for `ps` and `perf`.
    private static func setName(_ name: String) {
        // Safety: the bridging keeps the path for the call's length.
        let descriptor = unsafe open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        let bytes = Array(name.utf8)
        // Safety: the array is as long as the count that is passed.
        _ = unsafe bytes.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
        close(descriptor)
    }
}
