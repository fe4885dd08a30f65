// A closure -> run on a stack that is large, though only what is used of it takes memory: on this
// thread, or on one of its own.

import CStack
import Glibc

enum LargeStack {
    private static let byteCountMax = 2 << 30
    private static let byteCountMin = 16 << 20

    /// Runs `body` on this thread and a stack of up to `byteCountMax` bytes, of which it gets how
    /// many there are. False where the system refuses every size.
    ///
    /// A thread of its own would take longer to start and to end than a short run.
    static func run(_ body: (Int) -> Void) -> Bool {
        var byteCount = byteCountMax
        while byteCount >= byteCountMin {
            let mapped = unsafe mmap(
                nil, byteCount, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0)
            guard let mapped = unsafe mapped, unsafe mapped != MAP_FAILED else {
                byteCount /= 2
                continue
            }
            // Safety: the mapping is the body's stack until it returns, and the lowest page a
            // guard; body and count outlive the call.
            defer { unsafe munmap(mapped, byteCount) }
            unsafe mprotect(mapped, guardByteCount, PROT_NONE)
            return withoutActuallyEscaping(body) { body in
                var work = Work(body, byteCount - guardByteCount)
                return unsafe withUnsafeMutablePointer(to: &work) { work in
                    unsafe run_on_stack(
                        mapped, byteCount,
                        { argument in
                            guard let argument = unsafe argument else { return }
                            let work = unsafe argument.assumingMemoryBound(to: Work.self).pointee
                            work.body(work.byteCount)
                        }, work) == 0
                }
            }
        }
        return false
    }

    private static let guardByteCount = 1 << 12

    /// A thread that runs.
    struct Thread {
        fileprivate var thread: pthread_t

        func join() { pthread_join(thread, nil) }
    }

    private final class Work {
        let body: (Int) -> Void
        let byteCount: Int

        init(_ body: @escaping (Int) -> Void, _ byteCount: Int) {
            self.body = body
            self.byteCount = byteCount
        }
    }

    /// Starts a thread with a stack of up to `byteCount` bytes; `body` gets what there is. Nil
    /// where the system refuses every size.
    static func start(_ byteCount: Int, _ body: @escaping (Int) -> Void) -> Thread? {
        var byteCount = byteCount
        while byteCount >= byteCountMin {
            // Safety: the attributes live until the thread is made; the work is retained until it
            // runs, or released here if it never does.
            var attributes = pthread_attr_t()
            unsafe pthread_attr_init(&attributes)
            defer { unsafe pthread_attr_destroy(&attributes) }
            unsafe pthread_attr_setstacksize(&attributes, byteCount)
            let work = unsafe Unmanaged.passRetained(Work(body, byteCount))
            var thread = pthread_t()
            let code = unsafe pthread_create(
                &thread, &attributes,
                { argument in
                    guard let argument = unsafe argument else { return nil }
                    let work = unsafe Unmanaged<Work>.fromOpaque(argument).takeRetainedValue()
                    work.body(work.byteCount)
                    return nil
                }, work.toOpaque())
            if code == 0 { return Thread(thread: thread) }
            unsafe work.release()
            byteCount /= 2
        }
        return nil
    }
}
