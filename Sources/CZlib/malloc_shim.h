#include <malloc.h>
/* Fills in a pthread_attr_t, which Swift's own module leaves out this call of. */
extern int thread_attributes(unsigned long thread, void *attributes) __asm__("pthread_getattr_np");
