/* core/file_win32.h: the aimem_io functions over Windows. core/file.h says what they share. */
#ifndef AIMC_FILE_WIN32_H
#define AIMC_FILE_WIN32_H

#include "core/io.h"
#include "core/types.h"
#include "core/win32.h"

#if defined(AIMC_FILES) && defined(AIMC_OS_WINDOWS)

/* UTF-16 units that a path may have. */
#define AIMC_FILE_PATH_MAX 2048

/* The result for a system error, which goes to *os_error. */
AIMC_FN aimem_result aimc_file_error(DWORD number, int32_t *os_error) {
    *os_error = (int32_t)number;
    switch (number) {
    case ERROR_SUCCESS: return AIMEM_OK;
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
    case ERROR_BAD_NETPATH:
    case ERROR_INVALID_DRIVE: return AIMEM_ERR_NOT_FOUND;
    case ERROR_FILE_EXISTS:
    case ERROR_ALREADY_EXISTS: return AIMEM_ERR_EXISTS;
    case ERROR_DISK_FULL:
    case ERROR_HANDLE_DISK_FULL:
    case 1295: return AIMEM_ERR_NOSPACE; /* ERROR_DISK_QUOTA_EXCEEDED, which mingw does not name */
    case ERROR_ACCESS_DENIED:
    case ERROR_WRITE_PROTECT:
    case ERROR_FILE_READ_ONLY: return AIMEM_ERR_READONLY;
    case ERROR_SHARING_VIOLATION:
    case ERROR_LOCK_VIOLATION:
    case ERROR_USER_MAPPED_FILE:
    case ERROR_DELETE_PENDING:
    case ERROR_BUSY: return AIMEM_ERR_BUSY;
    case ERROR_NOT_ENOUGH_MEMORY:
    case ERROR_OUTOFMEMORY: return AIMEM_ERR_NOMEM;
    case ERROR_NOT_SUPPORTED:
    case ERROR_INVALID_FUNCTION:
    case ERROR_CALL_NOT_IMPLEMENTED: return AIMEM_ERR_UNSUPPORTED;
    default: return AIMEM_ERR_IO;
    }
}

AIMC_FN aimem_result aimc_file_last_error(int32_t *os_error) {
    DWORD number = GetLastError();
    return aimc_file_error(number != ERROR_SUCCESS ? number : ERROR_GEN_FAILURE, os_error);
}

/* The path in UTF-16; an error for what is not UTF-8 or too long. */
AIMC_FN aimem_result aimc_file_path(const char *path, WCHAR *out, int32_t *os_error) {
    int n = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, out, AIMC_FILE_PATH_MAX);
    *os_error = 0;
    return n > 0 ? AIMEM_OK : aimc_file_last_error(os_error);
}

AIMC_FN HANDLE aimc_file_create(const WCHAR *path, DWORD access, DWORD how, DWORD attributes) {
    DWORD share = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
    return CreateFileW(path, access, share, NULL, how, attributes, NULL);
}

AIMC_FN aimem_result aimc_file_open(void *user_data, const char *path, uint32_t flags, void **file,
                                    int32_t *os_error) {
    WCHAR wide[AIMC_FILE_PATH_MAX];
    DWORD access = 0, how = OPEN_EXISTING;
    HANDLE handle;
    aimem_result r = aimc_file_path(path, wide, os_error);
    (void)user_data;
    *file = NULL;
    if (r != AIMEM_OK) return r;
    if ((flags & AIMEM_IO_WRITE) != 0) access = GENERIC_WRITE;
    if ((flags & AIMEM_IO_READ) != 0 || access == 0) access |= GENERIC_READ;
    if ((flags & AIMEM_IO_CREATE) != 0) {
        how = (flags & AIMEM_IO_EXCLUSIVE) != 0 ? CREATE_NEW : OPEN_ALWAYS;
    }
    handle = aimc_file_create(wide, access, how, FILE_ATTRIBUTE_NORMAL);
    if (handle == INVALID_HANDLE_VALUE) {
        bool reads = (flags & (AIMEM_IO_WRITE | AIMEM_IO_CREATE)) == 0;
        r = aimc_file_last_error(os_error);
        return reads && r == AIMEM_ERR_READONLY ? AIMEM_ERR_IO : r;
    }
    *file = (void *)handle;
    return AIMEM_OK;
}

AIMC_FN aimem_result aimc_file_close(void *user_data, void *file, int32_t *os_error) {
    (void)user_data;
    *os_error = 0;
    return CloseHandle((HANDLE)file) ? AIMEM_OK : aimc_file_last_error(os_error);
}

/* Bytes per system call: a DWORD counts them, and network file systems dislike large ones. */
#define AIMC_FILE_STEP ((size_t)1 << 26)

AIMC_FN DWORD aimc_file_step(size_t size) {
    return (DWORD)(size < AIMC_FILE_STEP ? size : AIMC_FILE_STEP);
}

/* The place of a call, given with it: handles have one position for all threads. */
AIMC_FN OVERLAPPED aimc_file_at(uint64_t offset) {
    OVERLAPPED at;
    memset(&at, 0, sizeof at);
    at.Offset = (DWORD)(offset & 0xffffffffu);
    at.OffsetHigh = (DWORD)(offset >> 32);
    return at;
}

AIMC_FN aimem_result aimc_file_pread(void *user_data, void *file, uint64_t offset, void *dst,
                                     size_t size, size_t *got, int32_t *os_error) {
    unsigned char *to = (unsigned char *)dst;
    (void)user_data;
    *got = 0;
    *os_error = 0;
    while (*got < size) {
        OVERLAPPED at = aimc_file_at(offset + *got);
        DWORD done = 0;
        if (!ReadFile((HANDLE)file, to + *got, aimc_file_step(size - *got), &done, &at)) {
            if (GetLastError() == ERROR_HANDLE_EOF) break;
            return aimc_file_last_error(os_error);
        }
        if (done == 0) break;
        *got += done;
    }
    return AIMEM_OK;
}

AIMC_FN aimem_result aimc_file_pwrite(void *user_data, void *file, uint64_t offset, const void *src,
                                      size_t size, int32_t *os_error) {
    const unsigned char *from = (const unsigned char *)src;
    size_t n = 0;
    (void)user_data;
    *os_error = 0;
    while (n < size) {
        OVERLAPPED at = aimc_file_at(offset + n);
        DWORD done = 0;
        if (!WriteFile((HANDLE)file, from + n, aimc_file_step(size - n), &done, &at)) {
            return aimc_file_last_error(os_error);
        }
        if (done == 0) return aimc_file_error(ERROR_WRITE_FAULT, os_error);
        n += done;
    }
    return AIMEM_OK;
}

AIMC_FN aimem_result aimc_file_sync(void *user_data, void *file, uint32_t kind, int32_t *os_error) {
    (void)user_data;
    *os_error = 0;
    if (kind != AIMEM_IO_SYNC_FULL) return aimc_file_error(ERROR_NOT_SUPPORTED, os_error);
    return FlushFileBuffers((HANDLE)file) ? AIMEM_OK : aimc_file_last_error(os_error);
}

/* Not SetEndOfFile: it takes the position of the handle, which a pread on another thread moves. */
AIMC_FN aimem_result aimc_file_truncate(void *user_data, void *file, uint64_t size,
                                        int32_t *os_error) {
    FILE_END_OF_FILE_INFO info;
    (void)user_data;
    *os_error = 0;
    if (size > INT64_MAX) return aimc_file_error(ERROR_INVALID_PARAMETER, os_error);
    info.EndOfFile.QuadPart = (LONGLONG)size;
    if (SetFileInformationByHandle((HANDLE)file, FileEndOfFileInfo, &info, sizeof info)) {
        return AIMEM_OK;
    }
    return aimc_file_last_error(os_error);
}

AIMC_FN aimem_result aimc_file_size(void *user_data, void *file, uint64_t *size,
                                    int32_t *os_error) {
    LARGE_INTEGER end;
    (void)user_data;
    *size = 0;
    *os_error = 0;
    if (!GetFileSizeEx((HANDLE)file, &end)) return aimc_file_last_error(os_error);
    *size = (uint64_t)end.QuadPart;
    return AIMEM_OK;
}

/* A longer file has its room at once, unless it is sparse or compressed: nobody asked for that. */
AIMC_FN aimem_result aimc_file_reserve(void *file, uint64_t offset, uint64_t size, uint64_t end,
                                       int32_t *os_error) {
    uint64_t now = 0;
    aimem_result r = aimc_file_size(NULL, file, &now, os_error);
    (void)offset;
    (void)size;
    if (r != AIMEM_OK || end <= now) return r;
    return aimc_file_truncate(NULL, file, end, os_error);
}

AIMC_FN aimem_result aimc_file_map(void *user_data, void *file, uint64_t offset, size_t size,
                                   bool write, void **ptr, int32_t *os_error) {
    DWORD access = write ? (DWORD)(FILE_MAP_READ | FILE_MAP_WRITE) : (DWORD)FILE_MAP_READ;
    uint64_t end = 0;
    HANDLE map;
    aimem_result r;
    *ptr = NULL;
    r = aimc_file_size(user_data, file, &end, os_error);
    if (r != AIMEM_OK) return r;
    if (size == 0 || offset > end || size > end - offset) {
        return aimc_file_error(ERROR_INVALID_PARAMETER, os_error);
    }
    map = CreateFileMappingW((HANDLE)file, NULL, write ? PAGE_READWRITE : PAGE_READONLY, 0, 0,
                             NULL);
    if (map == NULL) return aimc_file_last_error(os_error);
    *ptr = MapViewOfFile(map, access, (DWORD)(offset >> 32), (DWORD)(offset & 0xffffffffu), size);
    r = *ptr != NULL ? AIMEM_OK : aimc_file_last_error(os_error);
    (void)CloseHandle(map); /* the view keeps it */
    return r;
}

AIMC_FN aimem_result aimc_file_unmap(void *user_data, void *file, void *ptr, size_t size,
                                     int32_t *os_error) {
    (void)user_data;
    (void)file;
    (void)size;
    *os_error = 0;
    return UnmapViewOfFile(ptr) ? AIMEM_OK : aimc_file_last_error(os_error);
}

/* Unlocking what is not locked is fine, as it is elsewhere; wine calls it a conflict, which an
   unlock never is. */
AIMC_FN aimem_result aimc_file_lock(void *user_data, void *file, uint64_t offset, uint64_t size,
                                    uint32_t mode, int32_t *os_error) {
    OVERLAPPED at = aimc_file_at(offset);
    DWORD low = (DWORD)(size & 0xffffffffu), high = (DWORD)(size >> 32);
    DWORD flags = LOCKFILE_FAIL_IMMEDIATELY;
    (void)user_data;
    *os_error = 0;
    if (size == 0) return aimc_file_error(ERROR_INVALID_PARAMETER, os_error);
    if (mode == AIMEM_IO_UNLOCK) {
        DWORD number = ERROR_SUCCESS;
        if (!UnlockFileEx((HANDLE)file, 0, low, high, &at)) number = GetLastError();
        if (number == ERROR_NOT_LOCKED || number == ERROR_LOCK_VIOLATION) number = ERROR_SUCCESS;
        return aimc_file_error(number, os_error);
    }
    if (mode == AIMEM_IO_LOCK_EXCLUSIVE) flags |= LOCKFILE_EXCLUSIVE_LOCK;
    if (LockFileEx((HANDLE)file, flags, 0, low, high, &at)) return AIMEM_OK;
    if (GetLastError() == ERROR_IO_PENDING) return aimc_file_error(ERROR_LOCK_VIOLATION, os_error);
    return aimc_file_last_error(os_error);
}

AIMC_FN aimem_result aimc_file_rename(void *user_data, const char *from, const char *to,
                                      int32_t *os_error) {
    WCHAR wide_from[AIMC_FILE_PATH_MAX], wide_to[AIMC_FILE_PATH_MAX];
    aimem_result r = aimc_file_path(from, wide_from, os_error);
    (void)user_data;
    if (r == AIMEM_OK) r = aimc_file_path(to, wide_to, os_error);
    if (r != AIMEM_OK) return r;
    if (MoveFileExW(wide_from, wide_to, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH)) {
        return AIMEM_OK;
    }
    return aimc_file_last_error(os_error);
}

AIMC_FN aimem_result aimc_file_remove(void *user_data, const char *path, int32_t *os_error) {
    WCHAR wide[AIMC_FILE_PATH_MAX];
    aimem_result r = aimc_file_path(path, wide, os_error);
    (void)user_data;
    if (r != AIMEM_OK) return r;
    return DeleteFileW(wide) ? AIMEM_OK : aimc_file_last_error(os_error);
}

/* path cut to its directory, "." when there is none. */
AIMC_FN void aimc_file_dir(WCHAR *path) {
    size_t i, n = 0;
    for (i = 0; path[i] != 0; i++) {
        if (path[i] == L'/' || path[i] == L'\\') n = i + 1; /* "C:\" keeps its end */
    }
    if (n == 0) path[n++] = L'.';
    path[n] = 0;
}

/* NTFS and ReFS log their names, and a rename here is written through; a flush of the directory
   itself brings the log to the medium. Where the system refuses it: UNSUPPORTED. */
AIMC_FN aimem_result aimc_file_sync_dir(void *user_data, const char *path, int32_t *os_error) {
    WCHAR wide[AIMC_FILE_PATH_MAX];
    HANDLE handle;
    aimem_result r = aimc_file_path(path, wide, os_error);
    (void)user_data;
    if (r != AIMEM_OK) return r;
    aimc_file_dir(wide);
    handle = aimc_file_create(wide, GENERIC_WRITE, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS);
    if (handle == INVALID_HANDLE_VALUE) {
        r = aimc_file_last_error(os_error);
        return r == AIMEM_ERR_READONLY ? AIMEM_ERR_UNSUPPORTED : r;
    }
    if (!FlushFileBuffers(handle)) {
        r = aimc_file_last_error(os_error);
        if (r == AIMEM_ERR_READONLY) r = AIMEM_ERR_UNSUPPORTED;
    }
    (void)CloseHandle(handle);
    return r;
}

#endif
#endif
