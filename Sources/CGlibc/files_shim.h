/* statfs, which Swift's Glibc module leaves out. */
extern int file_system_status(const char *path, void *status) __asm__("statfs");
/* The type of the file system that a path lies in, as the manual's section 2 lists them; -1 for an
   error. It stands first in the kernel's structure, which has less than 256 bytes. */
static inline long file_system_type(const char *path) {
    long status[32];
    return file_system_status(path, status) == 0 ? status[0] : -1;
}
