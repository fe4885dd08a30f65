/* The processor's own instructions. Headers of the compiler would bring declarations of Glibc along,
 * which Swift then takes for theirs. */
#if defined(__x86_64__)
typedef signed char sixteen_bytes __attribute__((vector_size(16)));
/* A bit for each byte: its highest. */
static inline int highest_bits(sixteen_bytes bytes) { return __builtin_ia32_pmovmskb128(bytes); }
#endif
/* Has the line of memory at an address brought near; any address will do. */
static inline void fetch_line(unsigned long address) { __builtin_prefetch((const void *)address); }
