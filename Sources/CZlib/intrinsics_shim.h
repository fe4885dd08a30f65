/* The processor's own instructions for sixteen bytes at once. */
#if defined(__x86_64__)
/* Which would bring <stdlib.h> along. */
#define __MM_MALLOC_H
#include <emmintrin.h>
#endif
