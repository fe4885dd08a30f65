// A mutex with a condition, for threads that wait for each other.

import Glibc

@safe final class Lock: @unchecked Sendable {
    // Safety: initialised by `init`, freed by `deinit`; the C library synchronizes their use.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init() {
        unsafe pthread_mutex_init(mutex, nil)
        unsafe pthread_cond_init(condition, nil)
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(mutex)
        unsafe condition.deallocate()
        unsafe mutex.deallocate()
    }

    func locked<Result>(_ body: () -> Result) -> Result {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return body()
    }

    /// Releases the lock until another thread calls `wakeAll`.
    func wait() { unsafe pthread_cond_wait(condition, mutex) }

    func wakeAll() { unsafe pthread_cond_broadcast(condition) }
}
