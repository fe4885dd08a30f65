// A function run on a stack of its own, on the thread that calls: Swift can't call `makecontext`,
// whose arguments vary.

#pragma once
#include <stddef.h>

// Returns 0 when `body` has returned, else -1, and it was not called.
int run_on_stack(void *base, size_t byte_count, void (*body)(void *), void *argument);
