/* Counts what a process makes durable, and can make it slow: loaded with LD_PRELOAD.
 *
 * SLOW_DISK_COUNT names a file that holds the count as a native 64-bit number; SLOW_DISK_US is the
 * time, in microseconds, that each sync takes beyond its own. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static _Atomic unsigned long long *count;
static long delay_us;

__attribute__((constructor)) static void start(void) {
    const char *path = getenv("SLOW_DISK_COUNT");
    const char *delay = getenv("SLOW_DISK_US");
    delay_us = delay ? atol(delay) : 0;
    int file = path ? open(path, O_RDWR) : -1;
    if (file >= 0) {
        void *map = mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        count = map == MAP_FAILED ? NULL : map;
        close(file);
    }
}

static void note(void) {
    if (count)
        atomic_fetch_add(count, 1);
    if (delay_us > 0) {
        struct timespec time = {delay_us / 1000000, delay_us % 1000000 * 1000};
        nanosleep(&time, NULL);
    }
}

int fsync(int file) {
    note();
    return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(file);
}

int fdatasync(int file) {
    note();
    return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(file);
}
