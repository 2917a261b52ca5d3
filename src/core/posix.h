/* core/posix.h: the POSIX headers, and what a strict C mode hides of them.
 *
 * With -std=c11, glibc and musl show only ISO C and a part of POSIX, and the choice is made by the
 * first system header: a feature macro defined later changes nothing, and one defined here at all
 * would change the user's file. So there is none. Functions that may be hidden are declared (in C
 * a second, equal declaration is fine; C++ compilers show everything), and hidden constants get
 * names of ours with the kernel's values.
 *
 * Offsets are 64 bits wide everywhere: glibc and bionic have functions for that with a 64 in their
 * name, whatever _FILE_OFFSET_BITS says; elsewhere off_t is 64 bits.
 */
#ifndef AIMC_POSIX_H
#define AIMC_POSIX_H

#include "core/platform.h"

#if defined(AIMC_OS_POSIX)

#include <errno.h>
#include <fcntl.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>
#if !defined(AIMC_OS_WASM)
#include <sys/mman.h>
#endif
#if defined(AIMC_THREADS)
#include <pthread.h>
#include <sched.h>
#endif
#if defined(AIMC_OS_LINUX)
#include <sys/syscall.h>
#endif
#if defined(__wasi__)
#include <wasi/api.h> /* its clock; the C library's is hidden in strict modes */
#endif

/* Files with 64-bit offsets. */
#if defined(AIMC_OS_LINUX) && (defined(__GLIBC__) || defined(__BIONIC__))
#if defined(__GLIBC__)
#define AIMC_OFF __off64_t
#else
#define AIMC_OFF off64_t
#endif
#define AIMC_OPEN open64
#define AIMC_LSEEK lseek64
#define AIMC_PREAD pread64
#define AIMC_PWRITE pwrite64
#define AIMC_FTRUNCATE ftruncate64
#define AIMC_FALLOCATE posix_fallocate64
#define AIMC_MMAP mmap64
#else
#define AIMC_OFF off_t
#define AIMC_OPEN open
#define AIMC_LSEEK (lseek) /* not the macro that WASI has beside it */
#define AIMC_PREAD pread
#define AIMC_PWRITE pwrite
#define AIMC_FTRUNCATE ftruncate
#define AIMC_FALLOCATE posix_fallocate
#define AIMC_MMAP mmap
#endif

AIMC_STATIC_ASSERT(sizeof(AIMC_OFF) == 8, "file offsets are too narrow here");

#if defined(AIMC_OS_LINUX) && !defined(__cplusplus)
#if defined(__GLIBC__) && !defined(__USE_LARGEFILE64)
int open64(const char *path, int flags, ...);
AIMC_OFF lseek64(int fd, AIMC_OFF offset, int whence);
ssize_t pread64(int fd, void *dst, size_t size, AIMC_OFF offset);
ssize_t pwrite64(int fd, const void *src, size_t size, AIMC_OFF offset);
int ftruncate64(int fd, AIMC_OFF size);
int posix_fallocate64(int fd, AIMC_OFF offset, AIMC_OFF size);
void *mmap64(void *ptr, size_t size, int prot, int flags, int fd, AIMC_OFF offset);
#endif
#if !defined(__BIONIC__) && !defined(__USE_MISC) && !defined(_BSD_SOURCE) && !defined(_GNU_SOURCE)
int fsync(int fd);
int fdatasync(int fd);
int madvise(void *ptr, size_t size, int advice);
long syscall(long number, ...);
#if defined(AIMC_THREADS)
int pthread_condattr_setclock(pthread_condattr_t *attr, clockid_t id);
#endif
#endif
#endif

/* clock_gettime. Where a 32-bit system has been asked for 64-bit time, the function has another
   name in the library, which a hidden declaration does not tell us. */
#if (defined(AIMC_OS_LINUX) || defined(__EMSCRIPTEN__)) && !defined(__cplusplus) && \
    !defined(__BIONIC__)
#if defined(_REDIR_TIME64)
#define AIMC_TIME64 1
#elif defined(__USE_TIME_BITS64) && defined(__TIMESIZE)
#if __TIMESIZE == 32
#define AIMC_TIME64 1
#endif
#endif
#if defined(AIMC_TIME64)
int aimc_clock_gettime64(clockid_t id, struct timespec *at) __asm__("__clock_gettime64");
#define AIMC_CLOCK_GETTIME aimc_clock_gettime64
#elif !defined(CLOCK_MONOTONIC)
int clock_gettime(clockid_t id, struct timespec *at);
#endif
#endif
#if !defined(AIMC_CLOCK_GETTIME)
#define AIMC_CLOCK_GETTIME clock_gettime
#endif

#if defined(CLOCK_MONOTONIC)
#define AIMC_CLOCK_MONOTONIC CLOCK_MONOTONIC
#define AIMC_CLOCK_REALTIME CLOCK_REALTIME
#else
#define AIMC_CLOCK_MONOTONIC 1
#define AIMC_CLOCK_REALTIME 0
#endif

#if defined(O_CLOEXEC)
#define AIMC_O_CLOEXEC O_CLOEXEC
#elif defined(__O_CLOEXEC)
#define AIMC_O_CLOEXEC __O_CLOEXEC
#else
#define AIMC_O_CLOEXEC 0
#endif

#if !defined(AIMC_OS_WASM)
#if defined(MAP_ANONYMOUS)
#define AIMC_MAP_ANONYMOUS MAP_ANONYMOUS
#elif defined(MAP_ANON)
#define AIMC_MAP_ANONYMOUS MAP_ANON
#elif !defined(AIMC_OS_LINUX)
#define AIMC_MAP_ANONYMOUS 0x1000
#elif defined(__mips__) || defined(__xtensa__)
#define AIMC_MAP_ANONYMOUS 0x800
#elif defined(__alpha__) || defined(__hppa__)
#define AIMC_MAP_ANONYMOUS 0x10
#else
#define AIMC_MAP_ANONYMOUS 0x20
#endif

#if defined(MAP_NORESERVE)
#define AIMC_MAP_NORESERVE MAP_NORESERVE
#elif !defined(AIMC_OS_LINUX)
#define AIMC_MAP_NORESERVE 0
#elif defined(__mips__) || defined(__xtensa__)
#define AIMC_MAP_NORESERVE 0x400
#elif defined(__powerpc__) || defined(__sparc__)
#define AIMC_MAP_NORESERVE 0x40
#elif defined(__alpha__)
#define AIMC_MAP_NORESERVE 0x10000
#else
#define AIMC_MAP_NORESERVE 0x4000
#endif
#endif

#if defined(AIMC_OS_LINUX)
#if defined(MADV_HUGEPAGE)
#define AIMC_MADV_HUGEPAGE MADV_HUGEPAGE
#elif defined(__hppa__)
#define AIMC_MADV_HUGEPAGE 67
#else
#define AIMC_MADV_HUGEPAGE 14
#endif
/* A lock that belongs to the open file, not to the process (Linux 3.15). */
#define AIMC_F_OFD_SETLK 37
#endif

#endif
#endif
