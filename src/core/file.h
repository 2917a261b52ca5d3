/* core/file.h: files of the operating system behind the aimem_io hook.
 *
 * A file is the system's own descriptor or handle, kept in the void pointer: nothing is allocated
 * and nothing is stored. What the systems do differently:
 *
 * - Locks. Unlock before locking the same range in another mode; never lock a held range again.
 *   Linux: they belong to the open file, so a child of fork holds them too, and the death of one of
 *   the two frees nothing. Other POSIX systems (and Linux before 3.15): they belong to the process:
 *   two opens in one process do not exclude each other, a child has none, and closing any open of
 *   the file drops all. Windows: they belong to the handle and are mandatory, so a locked byte
 *   cannot be read or written through another handle: lock bytes lie beyond the end of the file.
 * - Maps. The offset is a multiple of the page size (Windows: of 65536), and the range lies inside
 *   the file. Windows does not promise that pwrite is seen in a map.
 * - Sync. FULL is fdatasync on Linux (which brings a changed size along), F_FULLFSYNC on macOS,
 *   FlushFileBuffers on Windows. BARRIER exists on macOS alone.
 * - allocate makes the file at least offset + size long. Where the file system cannot reserve room,
 *   zeros are written beyond the end and bytes before it are rewritten: no other thread may write
 *   there meanwhile.
 */
#ifndef AIMC_FILE_H
#define AIMC_FILE_H

#include "core/checked.h"
#include "core/file_posix.h"
#include "core/file_win32.h"
#include "core/io.h"
#include "core/types.h"

#if defined(AIMC_FILES)
/* The room for an allocate_fn whose system has none: reads what is there and writes it back, zeros
   behind the end. */
AIMC_FN aimem_result aimc_file_fill(void *user_data, void *file, uint64_t offset, uint64_t size,
                                    int32_t *os_error) {
    unsigned char block[4096];
    while (size != 0) {
        size_t n = size < sizeof block ? (size_t)size : sizeof block;
        size_t got = 0;
        aimem_result r = aimc_file_pread(user_data, file, offset, block, n, &got, os_error);
        if (r != AIMEM_OK) return r;
        memset(block + got, 0, n - got);
        r = aimc_file_pwrite(user_data, file, offset, block, n, os_error);
        if (r != AIMEM_OK) return r;
        offset += n;
        size -= n;
    }
    return AIMEM_OK;
}

AIMC_FN aimem_result aimc_file_allocate(void *user_data, void *file, uint64_t offset, uint64_t size,
                                        int32_t *os_error) {
    uint64_t end;
    aimem_result r;
    *os_error = 0;
    if (size == 0) return AIMEM_OK;
    if (!aimc_add_u64(offset, size, &end)) end = UINT64_MAX;
    r = aimc_file_reserve(file, offset, size, end, os_error);
    if (r != AIMEM_ERR_UNSUPPORTED) return r;
    *os_error = 0;
    return aimc_file_fill(user_data, file, offset, size, os_error);
}
#endif

/* *out = the system's files; false, and *out zeroed, where there are none (AIMEM_NO_FILES, no OS).
   map_fn and unmap_fn are NULL on WASM. */
AIMC_FN bool aimc_io_default(aimem_io *out) {
    memset(out, 0, sizeof *out);
#if defined(AIMC_FILES)
    out->open_fn = aimc_file_open;
    out->close_fn = aimc_file_close;
    out->pread_fn = aimc_file_pread;
    out->pwrite_fn = aimc_file_pwrite;
    out->sync_fn = aimc_file_sync;
    out->truncate_fn = aimc_file_truncate;
    out->size_fn = aimc_file_size;
    out->allocate_fn = aimc_file_allocate;
#if !defined(AIMC_OS_WASM)
    out->map_fn = aimc_file_map;
    out->unmap_fn = aimc_file_unmap;
#endif
    out->lock_fn = aimc_file_lock;
    out->rename_fn = aimc_file_rename;
    out->remove_fn = aimc_file_remove;
    out->sync_dir_fn = aimc_file_sync_dir;
    return true;
#else
    return false;
#endif
}

/* *out = hook, or the system's files for NULL or a zero hook; false when there are neither. */
AIMC_FN bool aimc_io_or_default(const aimem_io *hook, aimem_io *out) {
    if (hook == NULL || hook->open_fn == NULL) return aimc_io_default(out);
    *out = *hook;
    return true;
}

#endif
