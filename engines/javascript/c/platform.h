/* The platform that QuickJS is compiled for, included before each of its files.
 *
 * QuickJS does not limit its stack where `__wasi__` is defined, so that an endless recursion is a trap. In a component the
 * stack in memory is a stack like any other, so the limit works: the headers of the C library see `__wasi__`, and QuickJS
 * does not. `__ANDROID__` stands for a C library with `malloc_usable_size`, and for nothing else in these files.
 *
 * Its clocks are functions of the engine (`src/clock.rs`): a snapshot of the engine must not contain a time. */
#ifndef BULKHEAD_PLATFORM_H
#define BULKHEAD_PLATFORM_H

#define clock_gettime bulkhead_clock_gettime
#define gettimeofday bulkhead_gettimeofday

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <malloc.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#undef __wasi__
#define __ANDROID__ 1

#endif
