// A closure -> its run on a new thread with a large stack, of which only the used part takes
// memory.

import Glibc

enum LargeStack {
    static let byteCountMax = 2 << 30
    private static let byteCountMin = 16 << 20

    /// A running thread.
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

    /// Starts a thread with a stack of up to `byteCount` bytes; `body` receives the actual size.
    /// Nil if the system refuses every size.
    static func start(_ byteCount: Int = byteCountMax, _ body: @escaping (Int) -> Void) -> Thread? {
        var byteCount = byteCount
        while byteCount >= byteCountMin {
            // Safety: the attributes live until the thread is created; the work is retained until
            // it runs, or released here if it never does.
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
