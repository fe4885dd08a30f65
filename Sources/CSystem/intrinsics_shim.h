/* The processor's own instructions for sixteen bytes at once. */
#if defined(__x86_64__)
/* Which would bring <stdlib.h> along. */
#define __MM_MALLOC_H
#include <emmintrin.h>
#endif
/* Has the line of memory at an address brought near; any address will do. */
static inline void fetch_line(unsigned long address) { __builtin_prefetch((const void *)address); }
