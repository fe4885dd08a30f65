/* epoll, eventfd, timerfd and accept4, which Swift's Glibc module leaves out. Their headers bring types along that
   other modules have too, and Swift would take those for this one's; so the functions are declared here,
   by other names, as the headers and the manual's section 2 have them. */

#include <sys/syscall.h> /* numbers only */

struct epoll_watch {
    unsigned int events;
    unsigned long long mark;
}
#if defined(__x86_64__)
__attribute__((packed))
#endif
;

static const unsigned int EPOLL_READABLE = 0x001, EPOLL_WRITABLE = 0x004;
static const unsigned int EPOLL_BROKEN = 0x008 | 0x010; /* EPOLLERR, EPOLLHUP */
static const unsigned int EPOLL_ONE_WAITER = 1u << 28; /* EPOLLEXCLUSIVE */
static const int TIMER_ABSOLUTE = 1; /* TFD_TIMER_ABSTIME */
static const int EPOLL_ADD = 1, EPOLL_REMOVE = 2, EPOLL_CHANGE = 3;

extern int epoll_make(int flags) __asm__("epoll_create1");
extern int epoll_change(int poller, int operation, int descriptor, struct epoll_watch *watch)
    __asm__("epoll_ctl");
extern int epoll_await(int poller, struct epoll_watch *ready, int count, int milliseconds)
    __asm__("epoll_wait");
extern int event_make(unsigned int count, int flags) __asm__("eventfd");
extern int timer_make(int clock, int flags) __asm__("timerfd_create");
extern int timer_arm(int timer, int flags, const void *time, void *before)
    __asm__("timerfd_settime");
/* `send` and `recv` are points where threads may be cancelled, which takes four locked instructions a
   call; no thread here is. */
extern long system_call(long number, ...) __asm__("syscall");
static inline long socket_send(int descriptor, const void *bytes, unsigned long count, int flags) {
    return system_call(SYS_sendto, (long)descriptor, bytes, count, (long)flags, (void *)0, 0L);
}
static inline long socket_receive(int descriptor, void *room, unsigned long count) {
    return system_call(SYS_recvfrom, (long)descriptor, room, count, 0L, (void *)0, (void *)0);
}
/* Bytes that were handed over and the other side has not acknowledged; -1 where that is not known. */
static inline int socket_unsent(int descriptor) {
    int count = -1;
    return system_call(SYS_ioctl, (long)descriptor, 0x5411L /* SIOCOUTQ */, &count) < 0 ? -1 : count;
}
extern int socket_accept(int listener, void *address, unsigned int *byte_count, int flags)
    __asm__("accept4");
