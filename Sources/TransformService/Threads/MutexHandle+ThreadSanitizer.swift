// Only in the thread sanitizer's build: the slow path of locking a contended Mutex, in operations
// that the sanitizer sees.
//
// An uncontended Mutex is locked and unlocked by atomic operations that are compiled here, and the
// sanitizer sees them. Waiting for a contended one happens in libswiftSynchronization.so, which is
// compiled without it: a thread that has waited would look as if it had never locked. The linker
// prefers this function to the library's of the same name. It does not mark the mutex as having
// waiters, so the other slow path, which wakes them, is never needed. If the name ever changes,
// `make test-thread` fails with reports about contended mutexes.

#if THREAD_SANITIZER
    import Glibc
    import Synchronization

    extension _MutexHandle {
        /// - Parameter thread: the caller's number, which a locked mutex contains.
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
