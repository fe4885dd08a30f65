#include "CStack.h"

#include <stdint.h>
#include <ucontext.h>

struct call {
    void (*body)(void *);
    void *argument;
};

// `makecontext` passes words of 32 bits.
static void enter(unsigned high, unsigned low) {
    struct call *call = (struct call *)((uintptr_t)high << 32 | low);
    call->body(call->argument);
}

int run_on_stack(void *base, size_t byte_count, void (*body)(void *), void *argument) {
    struct call call = {body, argument};
    uintptr_t address = (uintptr_t)&call;
    ucontext_t here, there;
    if (getcontext(&there) != 0) return -1;
    there.uc_stack.ss_sp = base;
    there.uc_stack.ss_size = byte_count;
    there.uc_link = &here;
    makecontext(&there, (void (*)(void))enter, 2, (unsigned)(address >> 32), (unsigned)address);
    return swapcontext(&here, &there);
}
