/* vec/file.h: saving to a file and loading from one.
 *
 * Saving replaces the old file in one step: the bytes go to path + ".tmp", are synced, and the file
 * is renamed. Whatever fails before the rename leaves the old file as it was.
 */
#ifndef AIMI_VEC_FILE_H
#define AIMI_VEC_FILE_H

#include "core/file.h"
#include "vec/load.h"
#include "vec/save.h"

/* An open file as a stream. */
typedef struct aimi_vec_file {
    const aimem_io *io;
    void *handle;
    uint64_t offset; /* of the next read or write */
    int32_t os_error;
} aimi_vec_file;

AIMC_FN aimem_result aimi_vec_file_read(void *user_data, void *dst, size_t size, size_t *got) {
    aimi_vec_file *f = (aimi_vec_file *)user_data;
    aimem_result result = f->io->pread_fn(f->io->user_data, f->handle, f->offset, dst, size, got,
                                          &f->os_error);
    if (result == AIMEM_OK) f->offset += *got;
    return result;
}

AIMC_FN aimem_result aimi_vec_file_write(void *user_data, const void *src, size_t size) {
    aimi_vec_file *f = (aimi_vec_file *)user_data;
    aimem_result result = f->io->pwrite_fn(f->io->user_data, f->handle, f->offset, src, size,
                                           &f->os_error);
    if (result == AIMEM_OK) f->offset += size;
    return result;
}

/* A platform without a sync (WebAssembly) has nothing that is more durable: that is no failure. */
AIMC_FN aimem_result aimi_vec_synced(aimem_result result, int32_t *os_error) {
    if (result != AIMEM_ERR_UNSUPPORTED) return result;
    *os_error = 0;
    return AIMEM_OK;
}

/* Fills the open file, syncs and closes it. */
AIMC_FN aimem_result aimi_vec_file_fill(const aimem_vec *v, aimi_vec_file *f) {
    const aimem_io *io = f->io;
    int32_t close_error = 0;
    aimem_result result, closed;
    aimem_stream stream;
    memset(&stream, 0, sizeof stream);
    stream.write_fn = aimi_vec_file_write;
    stream.user_data = f;
    result = io->truncate_fn(io->user_data, f->handle, 0, &f->os_error); /* a .tmp of a crash */
    if (result == AIMEM_OK) result = aimem_vec_save(v, &stream);
    if (result == AIMEM_OK) {
        result = io->sync_fn(io->user_data, f->handle, AIMEM_IO_SYNC_FULL, &f->os_error);
        result = aimi_vec_synced(result, &f->os_error);
    }
    closed = io->close_fn(io->user_data, f->handle, &close_error);
    if (result == AIMEM_OK && closed != AIMEM_OK) {
        result = closed;
        f->os_error = close_error;
    }
    return result;
}

/* Writes tmp, then renames it to path. */
AIMC_FN aimem_result aimi_vec_file_replace(const aimem_vec *v, aimi_vec_file *f, const char *tmp,
                                           const char *path) {
    const aimem_io *io = f->io;
    int32_t ignored = 0;
    aimem_result result = io->open_fn(io->user_data, tmp, AIMEM_IO_WRITE | AIMEM_IO_CREATE,
                                      &f->handle, &f->os_error);
    if (result != AIMEM_OK) return result;
    result = aimi_vec_file_fill(v, f);
    if (result == AIMEM_OK) {
        result = io->rename_fn(io->user_data, tmp, path, &f->os_error);
    }
    if (result != AIMEM_OK) {
        (void)io->remove_fn(io->user_data, tmp, &ignored);
        return result;
    }
    result = io->sync_dir_fn(io->user_data, path, &f->os_error);
    return aimi_vec_synced(result, &f->os_error);
}

AIMEM_VEC_API aimem_result aimem_vec_save_file(const aimem_vec *v, const char *path,
                                               const aimem_io *io, int32_t *os_error) {
    aimi_vec_file f;
    aimem_io chosen;
    aimem_result result;
    size_t length, size;
    char *tmp;
    memset(&f, 0, sizeof f);
    if (os_error != NULL) *os_error = 0;
    if (v == NULL || path == NULL || path[0] == 0) return AIMEM_ERR_INVALID;
    if (!aimc_io_or_default(io, &chosen)) return AIMEM_ERR_UNSUPPORTED;
    f.io = &chosen;
    for (length = 0; path[length] != 0; length++) {}
    size = length + sizeof ".tmp";
    tmp = (char *)aimc_alloc(&v->allocator, size, 1);
    if (tmp == NULL) return AIMEM_ERR_NOMEM;
    memcpy(tmp, path, length);
    memcpy(tmp + length, ".tmp", sizeof ".tmp");
    result = aimi_vec_file_replace(v, &f, tmp, path);
    aimc_free(&v->allocator, tmp, size, 1);
    if (os_error != NULL && result != AIMEM_OK) *os_error = f.os_error;
    return result;
}

/* Loads from the open file; more bytes behind the collection are none of ours. */
AIMC_FN aimem_result aimi_vec_file_take(const aimem_vec_desc *desc, aimi_vec_file *f,
                                        aimem_vec **out) {
    unsigned char more;
    size_t got = 0;
    aimem_stream stream;
    aimem_result result;
    memset(&stream, 0, sizeof stream);
    stream.read_fn = aimi_vec_file_read;
    stream.user_data = f;
    result = aimem_vec_load(desc, &stream, out);
    if (result != AIMEM_OK) return result;
    result = aimi_vec_file_read(f, &more, 1, &got);
    if (result == AIMEM_OK && got != 0) {
        result = aimi_vec_refuse(&(*out)->logger, AIMEM_ERR_CORRUPT,
                                 AIMI_VEC_TEXT("aimem_vec_load_file: bytes behind the end"));
    }
    if (result != AIMEM_OK) {
        aimem_vec_destroy(*out);
        *out = NULL;
    }
    return result;
}

AIMEM_VEC_API aimem_result aimem_vec_load_file(const aimem_vec_desc *desc, const char *path,
                                               const aimem_io *io, aimem_vec **out,
                                               int32_t *os_error) {
    aimi_vec_file f;
    aimem_io chosen;
    aimem_result result;
    int32_t ignored = 0;
    memset(&f, 0, sizeof f);
    if (os_error != NULL) *os_error = 0;
    if (out == NULL) return AIMEM_ERR_INVALID;
    *out = NULL;
    if (path == NULL || path[0] == 0) return AIMEM_ERR_INVALID;
    if (!aimc_io_or_default(io, &chosen)) return AIMEM_ERR_UNSUPPORTED;
    f.io = &chosen;
    result = chosen.open_fn(chosen.user_data, path, AIMEM_IO_READ, &f.handle, &f.os_error);
    if (result == AIMEM_OK) {
        result = aimi_vec_file_take(desc, &f, out);
        (void)chosen.close_fn(chosen.user_data, f.handle, &ignored); /* all bytes are verified */
    }
    if (os_error != NULL && result != AIMEM_OK) *os_error = f.os_error;
    return result;
}

#endif
