#include <malloc.h>
/* Fills in a pthread_attr_t, which Swift's own module leaves out this call of. */
extern int thread_attributes(unsigned long thread, void *attributes) __asm__("pthread_getattr_np");
/* And this one: waits for a thread's end up to a moment of a clock. */
struct timespec;
extern int join_thread(unsigned long thread, void **result, int clock, const struct timespec *until)
    __asm__("pthread_clockjoin_np");
/* mremap, whose last argument is optional, which Swift cannot call. MOVE_TO_TARGET is MREMAP_MAYMOVE
   and MREMAP_FIXED together, as Linux has them on every platform. */
enum { MOVE_TO_TARGET = 3 };
extern void *move_memory(void *address, unsigned long size, unsigned long new_size, int flags, void *target)
    __asm__("mremap");
