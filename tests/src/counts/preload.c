/* Counts what a program does in its own memory: how often it allocates, and how many bytes it sets and copies in
   large blocks, such as a memory that is reset for the next event. It is loaded before the C library and replaces
   the functions below. The counters are in a file that is shared with the reader. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* The names under which glibc has its own functions. */
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

enum { ALLOCATIONS, BYTES, COUNTERS };

/* Smaller blocks are data of an event. */
static const size_t LARGE = 4096;

/* Until the file is there. */
static uint64_t unread[COUNTERS];
static uint64_t *counters = unread;

typedef void *set_function(void *, int, size_t);
typedef void *copy_function(void *, const void *, size_t);
static set_function *real_memset;
static copy_function *real_memcpy;
static copy_function *real_memmove;

static void add(int counter, uint64_t number) {
    __atomic_fetch_add(&counters[counter], number, __ATOMIC_RELAXED);
}

static void block(size_t size) {
    if (size >= LARGE) add(BYTES, size);
}

__attribute__((constructor)) static void start(void) {
    real_memset = (set_function *)dlsym(RTLD_NEXT, "memset");
    real_memcpy = (copy_function *)dlsym(RTLD_NEXT, "memcpy");
    real_memmove = (copy_function *)dlsym(RTLD_NEXT, "memmove");
    const char *name = getenv("BULKHEAD_TEST_COUNTERS");
    int file = name ? open(name, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *shared = mmap(NULL, sizeof unread, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (shared != MAP_FAILED) counters = shared;
}

void *malloc(size_t size) {
    add(ALLOCATIONS, 1);
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    add(ALLOCATIONS, 1);
    return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size) {
    add(ALLOCATIONS, 1);
    return __libc_realloc(old, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    add(ALLOCATIONS, 1);
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **result, size_t alignment, size_t size) {
    void *made = aligned_alloc(alignment, size);
    if (!made) return ENOMEM;
    *result = made;
    return 0;
}

/* Other constructors may come before `start`. The loops are volatile, because a compiler makes a call of the
   function itself of any other. */

void *memset(void *to, int byte, size_t size) {
    block(size);
    if (real_memset) return real_memset(to, byte, size);
    for (volatile char *at = to; size > 0; size--) *at++ = (char)byte;
    return to;
}

static void *slowly(void *to, const void *from, size_t size) {
    volatile char *at = to;
    const char *source = from;
    if ((uintptr_t)to <= (uintptr_t)from) {
        for (size_t i = 0; i < size; i++) at[i] = source[i];
    } else {
        for (size_t i = size; i > 0; i--) at[i - 1] = source[i - 1];
    }
    return to;
}

void *memcpy(void *to, const void *from, size_t size) {
    block(size);
    return real_memcpy ? real_memcpy(to, from, size) : slowly(to, from, size);
}

void *memmove(void *to, const void *from, size_t size) {
    block(size);
    return real_memmove ? real_memmove(to, from, size) : slowly(to, from, size);
}
