/* core/file_posix.h: the aimem_io functions over POSIX. core/file.h says what they share. */
#ifndef AIMC_FILE_POSIX_H
#define AIMC_FILE_POSIX_H

#include "core/io.h"
#include "core/posix.h"
#include "core/types.h"

#if defined(AIMC_FILES) && defined(AIMC_OS_POSIX)

#include <stdio.h> /* rename */

/* The result for an errno, which goes to *os_error. */
AIMC_FN aimem_result aimc_file_error(int number, int32_t *os_error) {
    *os_error = (int32_t)number;
    switch (number) {
    case 0: return AIMEM_OK;
    case ENOENT:
    case ENOTDIR: return AIMEM_ERR_NOT_FOUND;
    case EEXIST: return AIMEM_ERR_EXISTS;
    case ENOSPC:
    case EFBIG: return AIMEM_ERR_NOSPACE;
#if defined(EDQUOT)
    case EDQUOT: return AIMEM_ERR_NOSPACE;
#endif
    case EROFS:
    case EACCES:
    case EPERM: return AIMEM_ERR_READONLY;
    case EBUSY:
    case ETXTBSY: return AIMEM_ERR_BUSY;
    case ENOMEM: return AIMEM_ERR_NOMEM;
    case ENOSYS:
    case ENOTSUP: return AIMEM_ERR_UNSUPPORTED;
#if defined(EOPNOTSUPP) && EOPNOTSUPP != ENOTSUP
    case EOPNOTSUPP: return AIMEM_ERR_UNSUPPORTED;
#endif
    default: return AIMEM_ERR_IO;
    }
}

/* The same for calls that need a file open for writing and say so with EBADF or EINVAL. */
AIMC_FN aimem_result aimc_file_write_error(int number, int32_t *os_error) {
    aimem_result r = aimc_file_error(number, os_error);
    return number == EBADF || number == EINVAL ? AIMEM_ERR_READONLY : r;
}

/* A descriptor as the void pointer of the table: one more, so that 0 is not NULL. */
AIMC_INLINE int aimc_file_fd(void *file) {
    return (int)((intptr_t)file - 1);
}

/* Whether offset + size can be said to the system. */
AIMC_INLINE bool aimc_file_fits(uint64_t offset, uint64_t size) {
    return offset <= INT64_MAX && size <= (uint64_t)INT64_MAX - offset;
}

AIMC_FN int aimc_file_open_fd(const char *path, int flags) {
    int fd;
    do {
        fd = AIMC_OPEN(path, flags | AIMC_O_CLOEXEC, 0666);
    } while (fd < 0 && errno == EINTR);
    return fd;
}

AIMC_FN aimem_result aimc_file_open(void *user_data, const char *path, uint32_t flags, void **file,
                                    int32_t *os_error) {
    int fd, mode = O_RDONLY;
    (void)user_data;
    *file = NULL;
    *os_error = 0;
    if ((flags & AIMEM_IO_WRITE) != 0) mode = (flags & AIMEM_IO_READ) != 0 ? O_RDWR : O_WRONLY;
    if ((flags & AIMEM_IO_CREATE) != 0) mode |= O_CREAT;
    if ((flags & AIMEM_IO_CREATE) != 0 && (flags & AIMEM_IO_EXCLUSIVE) != 0) mode |= O_EXCL;
    fd = aimc_file_open_fd(path, mode);
    if (fd < 0) {
        aimem_result r = aimc_file_error(errno, os_error);
        bool reads = (flags & (AIMEM_IO_WRITE | AIMEM_IO_CREATE)) == 0;
        return reads && r == AIMEM_ERR_READONLY ? AIMEM_ERR_IO : r;
    }
    *file = (void *)((intptr_t)fd + 1);
    return AIMEM_OK;
}

/* After EINTR the descriptor is closed on Linux and may be on others; closing again could hit a
   file that another thread has just opened. */
AIMC_FN aimem_result aimc_file_close(void *user_data, void *file, int32_t *os_error) {
    (void)user_data;
    *os_error = 0;
    if (close(aimc_file_fd(file)) == 0 || errno == EINTR) return AIMEM_OK;
    return aimc_file_error(errno, os_error);
}

/* Bytes per system call: below what any system takes (macOS refuses more than INT_MAX). */
#define AIMC_FILE_STEP ((size_t)1 << 30)

AIMC_FN aimem_result aimc_file_pread(void *user_data, void *file, uint64_t offset, void *dst,
                                     size_t size, size_t *got, int32_t *os_error) {
    unsigned char *to = (unsigned char *)dst;
    (void)user_data;
    *got = 0;
    *os_error = 0;
    if (!aimc_file_fits(offset, size)) return aimc_file_error(EINVAL, os_error);
    while (*got < size) {
        size_t n = size - *got < AIMC_FILE_STEP ? size - *got : AIMC_FILE_STEP;
        ssize_t done = AIMC_PREAD(aimc_file_fd(file), to + *got, n, (AIMC_OFF)(offset + *got));
        if (done == 0) break;
        if (done > 0) {
            *got += (size_t)done;
        } else if (errno != EINTR) {
            return aimc_file_error(errno, os_error);
        }
    }
    return AIMEM_OK;
}

AIMC_FN aimem_result aimc_file_pwrite(void *user_data, void *file, uint64_t offset, const void *src,
                                      size_t size, int32_t *os_error) {
    const unsigned char *from = (const unsigned char *)src;
    size_t at = 0;
    (void)user_data;
    *os_error = 0;
    if (!aimc_file_fits(offset, size)) return aimc_file_error(EFBIG, os_error);
    while (at < size) {
        size_t n = size - at < AIMC_FILE_STEP ? size - at : AIMC_FILE_STEP;
        ssize_t done = AIMC_PWRITE(aimc_file_fd(file), from + at, n, (AIMC_OFF)(offset + at));
        if (done > 0) {
            at += (size_t)done;
        } else if (done == 0) {
            return aimc_file_error(EIO, os_error);
        } else if (errno != EINTR) {
            return aimc_file_write_error(errno, os_error);
        }
    }
    return AIMEM_OK;
}

/* One try at making the file's bytes and size durable; errno says why not. Linux's fdatasync leaves
   out times only; elsewhere a changed size is safe with fsync alone. macOS's fsync stops at the
   drive's cache; file systems that do not know F_FULLFSYNC are left with it. WASM has no medium. */
AIMC_FN int aimc_file_sync_fd(int fd, uint32_t kind) {
#if defined(AIMC_OS_WASM)
    (void)fd;
    (void)kind;
    errno = ENOTSUP;
    return -1;
#elif defined(AIMC_OS_APPLE)
#if defined(F_BARRIERFSYNC)
    if (kind == AIMEM_IO_SYNC_BARRIER) return fcntl(fd, F_BARRIERFSYNC);
#else
    if (kind == AIMEM_IO_SYNC_BARRIER) return fcntl(fd, 85);
#endif
#if defined(F_FULLFSYNC)
    if (fcntl(fd, F_FULLFSYNC) == 0) return 0;
#else
    if (fcntl(fd, 51) == 0) return 0;
#endif
    if (errno == EINTR || errno == EIO) return -1;
    return fsync(fd);
#else
    if (kind == AIMEM_IO_SYNC_BARRIER) {
        errno = ENOTSUP;
        return -1;
    }
#if defined(AIMC_OS_LINUX)
    return fdatasync(fd);
#else
    return fsync(fd);
#endif
#endif
}

AIMC_FN aimem_result aimc_file_sync(void *user_data, void *file, uint32_t kind, int32_t *os_error) {
    int failed;
    (void)user_data;
    *os_error = 0;
    do {
        failed = aimc_file_sync_fd(aimc_file_fd(file), kind);
    } while (failed && errno == EINTR);
    if (!failed) return AIMEM_OK;
    if (errno != EINVAL) return aimc_file_error(errno, os_error);
    *os_error = EINVAL; /* not a kind of file that can be synced */
    return AIMEM_ERR_UNSUPPORTED;
}

AIMC_FN aimem_result aimc_file_truncate(void *user_data, void *file, uint64_t size,
                                        int32_t *os_error) {
    int failed;
    (void)user_data;
    *os_error = 0;
    if (!aimc_file_fits(0, size)) return aimc_file_error(EFBIG, os_error);
    do {
        failed = AIMC_FTRUNCATE(aimc_file_fd(file), (AIMC_OFF)size);
    } while (failed && errno == EINTR);
    return failed ? aimc_file_write_error(errno, os_error) : AIMEM_OK;
}

/* Seeking moves the file's position, which nothing here uses. */
AIMC_FN aimem_result aimc_file_size(void *user_data, void *file, uint64_t *size,
                                    int32_t *os_error) {
    AIMC_OFF end = AIMC_LSEEK(aimc_file_fd(file), 0, SEEK_END);
    (void)user_data;
    *size = 0;
    *os_error = 0;
    if (end < 0) return aimc_file_error(errno, os_error);
    *size = (uint64_t)end;
    return AIMEM_OK;
}

/* UNSUPPORTED when the file system has no such call; aimc_file_allocate then fills. */
AIMC_FN aimem_result aimc_file_reserve(void *file, uint64_t offset, uint64_t size, uint64_t end,
                                       int32_t *os_error) {
    (void)file;
    (void)offset;
    (void)size;
    if (end > (uint64_t)INT64_MAX) return aimc_file_error(EFBIG, os_error);
#if defined(AIMC_OS_LINUX)
    {
        int number;
        do {
            number = AIMC_FALLOCATE(aimc_file_fd(file), (AIMC_OFF)offset, (AIMC_OFF)size);
        } while (number == EINTR);
        if (number == EBADF) return aimc_file_write_error(number, os_error);
        return number == EINVAL ? AIMEM_ERR_UNSUPPORTED : aimc_file_error(number, os_error);
    }
#else
    return AIMEM_ERR_UNSUPPORTED;
#endif
}

#if !defined(AIMC_OS_WASM)
AIMC_FN aimem_result aimc_file_map(void *user_data, void *file, uint64_t offset, size_t size,
                                   bool write, void **ptr, int32_t *os_error) {
    int prot = write ? PROT_READ | PROT_WRITE : PROT_READ;
    uint64_t end = 0;
    aimem_result r;
    *ptr = NULL;
    r = aimc_file_size(user_data, file, &end, os_error);
    if (r != AIMEM_OK) return r;
    if (size == 0 || offset > end || size > end - offset) return aimc_file_error(EINVAL, os_error);
    *ptr = AIMC_MMAP(NULL, size, prot, MAP_SHARED, aimc_file_fd(file), (AIMC_OFF)offset);
    if (*ptr != MAP_FAILED) return AIMEM_OK;
    *ptr = NULL;
    return aimc_file_error(errno, os_error);
}

AIMC_FN aimem_result aimc_file_unmap(void *user_data, void *file, void *ptr, size_t size,
                                     int32_t *os_error) {
    (void)user_data;
    (void)file;
    *os_error = 0;
    return munmap(ptr, size) == 0 ? AIMEM_OK : aimc_file_error(errno, os_error);
}
#endif

/* One try at a lock, of the open file where the system has it, else of the process. On 32-bit
   Linux the library's structure may be the narrow one: the kernel gets its own wide one. */
#if !defined(AIMC_OS_WASM)
#if (defined(__GLIBC__) || defined(__BIONIC__)) && defined(SYS_fcntl64) && !defined(__LP64__)
typedef struct aimc_flock64 {
    short type, whence;
    long long start, size;
    int pid;
    int spare; /* some processors' kernels have padding here */
} aimc_flock64;

#if defined(F_SETLK64)
#define AIMC_F_SETLK64 F_SETLK64
#else
#define AIMC_F_SETLK64 13
#endif

AIMC_FN int aimc_file_lock_fd(int fd, uint64_t offset, uint64_t size, short type) {
    aimc_flock64 lock;
    memset(&lock, 0, sizeof lock);
    lock.type = type;
    lock.whence = SEEK_SET;
    lock.start = (long long)offset;
    lock.size = (long long)size;
    if (syscall(SYS_fcntl64, fd, AIMC_F_OFD_SETLK, &lock) == 0) return 0;
    if (errno != EINVAL) return -1;
    return (int)syscall(SYS_fcntl64, fd, AIMC_F_SETLK64, &lock);
}
#else
AIMC_FN int aimc_file_lock_fd(int fd, uint64_t offset, uint64_t size, short type) {
    struct flock lock;
    memset(&lock, 0, sizeof lock);
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    lock.l_start = (off_t)offset;
    lock.l_len = (off_t)size;
#if defined(AIMC_OS_LINUX)
    if (fcntl(fd, AIMC_F_OFD_SETLK, &lock) == 0) return 0;
    if (errno != EINVAL) return -1;
#endif
    return fcntl(fd, F_SETLK, &lock);
}
#endif

AIMC_FN aimem_result aimc_file_lock(void *user_data, void *file, uint64_t offset, uint64_t size,
                                    uint32_t mode, int32_t *os_error) {
    short type = F_UNLCK;
    int failed;
    (void)user_data;
    *os_error = 0;
    if (size == 0 || !aimc_file_fits(offset, size)) return aimc_file_error(EINVAL, os_error);
    if (mode == AIMEM_IO_LOCK_SHARED) type = F_RDLCK;
    if (mode == AIMEM_IO_LOCK_EXCLUSIVE) type = F_WRLCK;
    do {
        failed = aimc_file_lock_fd(aimc_file_fd(file), offset, size, type);
    } while (failed && errno == EINTR);
    if (!failed) return AIMEM_OK;
    if (errno == EAGAIN || errno == EACCES) {
        *os_error = (int32_t)errno;
        return AIMEM_ERR_BUSY;
    }
    return aimc_file_error(errno, os_error);
}
#else
AIMC_FN aimem_result aimc_file_lock(void *user_data, void *file, uint64_t offset, uint64_t size,
                                    uint32_t mode, int32_t *os_error) {
    (void)user_data;
    (void)file;
    (void)offset;
    (void)size;
    (void)mode;
    *os_error = 0;
    return AIMEM_ERR_UNSUPPORTED;
}
#endif

AIMC_FN aimem_result aimc_file_rename(void *user_data, const char *from, const char *to,
                                      int32_t *os_error) {
    (void)user_data;
    *os_error = 0;
    return rename(from, to) == 0 ? AIMEM_OK : aimc_file_error(errno, os_error);
}

AIMC_FN aimem_result aimc_file_remove(void *user_data, const char *path, int32_t *os_error) {
    (void)user_data;
    *os_error = 0;
    return unlink(path) == 0 ? AIMEM_OK : aimc_file_error(errno, os_error);
}

/* dir = the directory part of path, "." when there is none; false when it is too long. */
AIMC_FN bool aimc_file_dir(const char *path, char *dir, size_t cap) {
    size_t i, n = 0;
    for (i = 0; path[i] != 0; i++) {
        if (path[i] == '/') n = i == 0 ? 1 : i;
    }
    if (n >= cap) return false;
    if (n == 0) {
        memcpy(dir, ".", 2);
    } else {
        memcpy(dir, path, n);
        dir[n] = 0;
    }
    return true;
}

/* A file system that cannot sync a directory says EINVAL: UNSUPPORTED, and the caller decides. */
AIMC_FN aimem_result aimc_file_sync_dir(void *user_data, const char *path, int32_t *os_error) {
    *os_error = 0;
    (void)user_data;
#if defined(AIMC_OS_WASM)
    (void)path;
    return AIMEM_ERR_UNSUPPORTED;
#else
    {
        char dir[4096];
        int fd, failed, number;
        if (!aimc_file_dir(path, dir, sizeof dir)) return aimc_file_error(ENAMETOOLONG, os_error);
        fd = aimc_file_open_fd(dir, O_RDONLY);
        if (fd < 0) return aimc_file_error(errno, os_error);
        do {
#if defined(AIMC_OS_APPLE)
            failed = aimc_file_sync_fd(fd, AIMEM_IO_SYNC_FULL);
#else
            failed = fsync(fd);
#endif
        } while (failed && errno == EINTR);
        number = failed ? errno : 0;
        (void)close(fd);
        if (number == EINVAL) {
            *os_error = (int32_t)number;
            return AIMEM_ERR_UNSUPPORTED;
        }
        return aimc_file_error(number, os_error);
    }
#endif
}

#endif
#endif
