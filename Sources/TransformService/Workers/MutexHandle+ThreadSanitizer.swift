// In the thread sanitizer's build only: what a thread does that finds a Mutex taken, told in words
// that the sanitizer knows.
//
// A Mutex that is free is taken and given back by atomic operations that are compiled here, and the
// sanitizer sees them. One that is taken is waited for in libswiftSynchronization.so, which is
// compiled without it: each thread that has waited would look as if it had not locked at all. The
// linker prefers this function to the library's of the same name. Nobody notes here that he waits,
// so the other slow path, which wakes those who do, is never needed. Should the name change one
// day, `make test-thread` fails with reports about contended mutexes.

#if THREAD_SANITIZER
    import Glibc
    import Synchronization

    extension _MutexHandle {
        /// - Parameter thread: the caller's number, which a mutex that is taken holds.
        @_silgen_name("$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF")
        borrowing func waitUntilTaken(_ thread: UInt32) {
            // Safety: the handle is one atomic word: `@frozen`, a part of the library's interface.
            unsafe withUnsafePointer(to: self) { handle in
                let word = unsafe UnsafeRawPointer(handle).assumingMemoryBound(
                    to: Atomic<UInt32>.self)
                while unsafe !word.pointee.weakCompareExchange(
                    expected: 0, desired: thread, successOrdering: .acquiring,
                    failureOrdering: .relaxed
                ).exchanged {
                    sched_yield()
                }
            }
        }
    }
#endif
