/* vec_io.c: every call of the file table fails once while a collection is saved or loaded: the old
 * file is intact, the temporary one gone, nothing leaks, and the error says what it was. Then the
 * files of the system. */
#include "unit/vec_tools.h"

#include <time.h>

#if defined(__cplusplus)
#define CPLUSPLUS 1
#else
#define CPLUSPLUS 0
#endif

/* ---- a disk in memory ------------------------------------------------------------------------ */

enum { FILES = 4, ROOM = 400000 };

typedef struct disk_file {
    char name[40]; /* "" free */
    unsigned char *data;
    size_t size;
    int synced; /* all bytes are durable */
} disk_file;

static struct disk {
    disk_file files[FILES];
    int open;
    long calls, fail_at;     /* the call that fails, from 1 */
    aimem_result error;      /* what it answers */
    int unsupported_sync;    /* as on WebAssembly */
    const char *failed;      /* name of the call that failed */
    int dir_synced, errors;
} disk;

static int trip(const char *name, int32_t *os_error) {
    if (++disk.calls != disk.fail_at) return 0;
    disk.failed = name;
    *os_error = disk.error == AIMEM_ERR_NOSPACE ? 28 : 5;
    return 1;
}

static disk_file *disk_find(const char *name) {
    int i;
    for (i = 0; i < FILES; i++) {
        if (strcmp(disk.files[i].name, name) == 0) return &disk.files[i];
    }
    return NULL;
}

static aimem_result disk_open(void *user_data, const char *path, uint32_t flags, void **file,
                              int32_t *os_error) {
    disk_file *f = disk_find(path);
    (void)user_data;
    if (trip("open", os_error)) return disk.error;
    if (f == NULL && (flags & AIMEM_IO_CREATE) != 0) {
        f = disk_find("");
        if (f == NULL) abort();
        vt_text(f->name, sizeof f->name, path);
        f->data = (unsigned char *)calloc(1, ROOM);
        f->size = 0;
        f->synced = 0;
    }
    if (f == NULL) {
        *os_error = 2;
        return AIMEM_ERR_NOT_FOUND;
    }
    disk.open++;
    *file = f;
    return AIMEM_OK;
}

static aimem_result disk_close(void *user_data, void *file, int32_t *os_error) {
    (void)user_data;
    (void)file;
    disk.open--;
    return trip("close", os_error) ? disk.error : AIMEM_OK;
}

static aimem_result disk_pread(void *user_data, void *file, uint64_t offset, void *dst, size_t size,
                               size_t *got, int32_t *os_error) {
    disk_file *f = (disk_file *)file;
    size_t left = offset < f->size ? f->size - (size_t)offset : 0;
    (void)user_data;
    *got = 0;
    if (trip("pread", os_error)) return disk.error;
    *got = size < left ? size : left;
    if (*got != 0) memcpy(dst, f->data + offset, *got);
    return AIMEM_OK;
}

static aimem_result disk_pwrite(void *user_data, void *file, uint64_t offset, const void *src,
                                size_t size, int32_t *os_error) {
    disk_file *f = (disk_file *)file;
    int failed = trip("pwrite", os_error);
    (void)user_data;
    if (failed) size /= 2; /* a torn write */
    if (offset + size > ROOM) abort();
    memcpy(f->data + offset, src, size);
    if (offset + size > f->size) f->size = (size_t)offset + size;
    f->synced = 0;
    return failed ? disk.error : AIMEM_OK;
}

static aimem_result disk_sync(void *user_data, void *file, uint32_t kind, int32_t *os_error) {
    (void)user_data;
    if (kind != AIMEM_IO_SYNC_FULL) disk.errors++;
    if (trip("sync", os_error)) return disk.error;
    if (disk.unsupported_sync) return AIMEM_ERR_UNSUPPORTED;
    ((disk_file *)file)->synced = 1;
    return AIMEM_OK;
}

static aimem_result disk_truncate(void *user_data, void *file, uint64_t size, int32_t *os_error) {
    (void)user_data;
    if (trip("truncate", os_error)) return disk.error;
    ((disk_file *)file)->size = (size_t)size;
    return AIMEM_OK;
}

static aimem_result disk_rename(void *user_data, const char *from, const char *to,
                                int32_t *os_error) {
    disk_file *f = disk_find(from), *old = disk_find(to);
    (void)user_data;
    if (trip("rename", os_error)) return disk.error;
    if (f == NULL) return AIMEM_ERR_NOT_FOUND;
    if (!f->synced && !disk.unsupported_sync) disk.errors++; /* the name before the bytes */
    if (disk.open != 0) disk.errors++;                       /* Windows could not */
    if (old != NULL) {
        free(old->data);
        memset(old, 0, sizeof *old);
    }
    vt_text(f->name, sizeof f->name, to);
    return AIMEM_OK;
}

static aimem_result disk_remove(void *user_data, const char *path, int32_t *os_error) {
    disk_file *f = disk_find(path);
    (void)user_data;
    if (trip("remove", os_error)) return disk.error;
    if (f == NULL) return AIMEM_ERR_NOT_FOUND;
    free(f->data);
    memset(f, 0, sizeof *f);
    return AIMEM_OK;
}

static aimem_result disk_sync_dir(void *user_data, const char *path, int32_t *os_error) {
    (void)user_data;
    (void)path;
    if (trip("sync_dir", os_error)) return disk.error;
    if (disk.unsupported_sync) {
        *os_error = 38;
        return AIMEM_ERR_UNSUPPORTED;
    }
    disk.dir_synced++;
    return AIMEM_OK;
}

static aimem_io disk_new(void) {
    aimem_io io;
    int i;
    for (i = 0; i < FILES; i++) free(disk.files[i].data);
    memset(&disk, 0, sizeof disk);
    memset(&io, 0, sizeof io);
    io.open_fn = disk_open;
    io.close_fn = disk_close;
    io.pread_fn = disk_pread;
    io.pwrite_fn = disk_pwrite;
    io.sync_fn = disk_sync;
    io.truncate_fn = disk_truncate;
    io.rename_fn = disk_rename;
    io.remove_fn = disk_remove;
    io.sync_dir_fn = disk_sync_dir;
    return io;
}

/* ---- collections ----------------------------------------------------------------------------- */

enum { D = 100 };

static aimem_vec *sample(check_heap *heap, uint32_t rows) {
    aimem_vec_desc desc = vt_desc(D, AIMEM_VEC_L2);
    aimem_vec *v;
    uint32_t i;
    vt_use_heap(&desc, heap);
    v = vt_create(&desc);
    for (i = 0; i < rows; i++) {
        float x[D];
        char label[20];
        vt_random(x, D);
        snprintf(label, sizeof label, "row %u", (unsigned)i);
        CHECK_INT(aimem_vec_add(v, i, label, x, NULL), AIMEM_OK);
    }
    return v;
}

static int same(const aimem_vec *a, const aimem_vec *b) {
    aimem_vec_row ra, rb;
    uint64_t ca = 0, cb = 0;
    if (aimem_vec_count(a) != aimem_vec_count(b)) return 0;
    while (aimem_vec_next(a, &ca, &ra)) {
        if (!aimem_vec_next(b, &cb, &rb) || ra.id != rb.id) return 0;
        if (memcmp(ra.vector, rb.vector, D * sizeof(float)) != 0) return 0;
    }
    return 1;
}

/* Whether path holds this collection. */
static int holds(const aimem_vec *v, const char *path, const aimem_io *io) {
    aimem_vec *w = NULL;
    int32_t os_error = 7;
    int ok = aimem_vec_load_file(NULL, path, io, &w, &os_error) == AIMEM_OK && same(v, w);
    if (ok && os_error != 0) ok = 0;
    aimem_vec_destroy(w);
    return ok;
}

/* ---- sweeps ---------------------------------------------------------------------------------- */

/* One save of fresh over old, in which call n fails; whether one did. */
static int save_fails(const aimem_vec *old, const aimem_vec *fresh, long n, aimem_result error) {
    aimem_io io = disk_new();
    int32_t os_error = 9;
    aimem_result r;
    CHECK_INT(aimem_vec_save_file(old, "a.vec", &io, NULL), AIMEM_OK);
    disk.calls = 0;
    disk.fail_at = n;
    disk.error = error;
    r = aimem_vec_save_file(fresh, "a.vec", &io, &os_error);
    disk.fail_at = 0;
    CHECK_INT(disk.errors, 0);
    CHECK_INT(disk.open, 0);
    CHECK(disk_find("a.vec.tmp") == NULL);
    CHECK_INT(r, disk.failed != NULL ? error : AIMEM_OK);
    CHECK_INT(os_error, disk.failed == NULL ? 0 : error == AIMEM_ERR_NOSPACE ? 28 : 5);
    if (disk.failed == NULL || strcmp(disk.failed, "sync_dir") == 0) {
        CHECK(holds(fresh, "a.vec", &io)); /* renamed: all of the new one */
        return disk.failed != NULL;
    }
    CHECK(holds(old, "a.vec", &io));
    CHECK_INT(aimem_vec_save_file(fresh, "a.vec", &io, &os_error), AIMEM_OK); /* now it works */
    CHECK(holds(fresh, "a.vec", &io));
    return 1;
}

static void saves(void) {
    static const aimem_result errors[] = {AIMEM_ERR_IO, AIMEM_ERR_NOSPACE, AIMEM_ERR_READONLY};
    check_heap heap, other;
    aimem_vec *old = sample(&heap, 30), *fresh = sample(&other, 700);
    long n, calls = 0;
    int e;
    for (e = 0; e < 3; e++) {
        for (n = 1; save_fails(old, fresh, n, errors[e]); n++) calls++;
        CHECK(n > 10);
    }
    printf("%ld failures\n", calls);
    aimem_vec_destroy(old);
    aimem_vec_destroy(fresh);
    CHECK_HEAP_CLEAN(&heap);
    CHECK_HEAP_CLEAN(&other);
    (void)disk_new();
}

static void saves_without_memory(void) {
    check_heap heap, other;
    aimem_vec *old = sample(&other, 30), *v = sample(&heap, 40);
    aimem_io io = disk_new();
    long first = heap.calls, n;
    CHECK_INT(aimem_vec_save_file(old, "a.vec", &io, NULL), AIMEM_OK);
    for (n = 1; n < 10; n++) {
        heap.calls = first;
        heap.fail_at = first + n;
        if (aimem_vec_save_file(v, "a.vec", &io, NULL) == AIMEM_OK) break;
        CHECK_INT(disk.open, 0);
        CHECK(disk_find("a.vec.tmp") == NULL);
        CHECK(holds(old, "a.vec", &io));
    }
    CHECK_INT(n, 3); /* the name and the buffer */
    CHECK(holds(v, "a.vec", &io));
    heap.fail_at = 0;
    aimem_vec_destroy(v);
    aimem_vec_destroy(old);
    CHECK_HEAP_CLEAN(&heap);
    CHECK_HEAP_CLEAN(&other);
    (void)disk_new();
}

static void loads(void) {
    check_heap heap, mine;
    aimem_vec *v = sample(&heap, 700), *w;
    aimem_vec_desc desc = vt_desc(0, 0);
    aimem_io io = disk_new();
    int32_t os_error = 9;
    long n;
    CHECK_INT(aimem_vec_load_file(&desc, "a.vec", &io, &w, &os_error), AIMEM_ERR_NOT_FOUND);
    CHECK_INT(os_error, 2);
    CHECK(w == NULL);
    CHECK_INT(aimem_vec_save_file(v, "a.vec", &io, NULL), AIMEM_OK);
    vt_use_heap(&desc, &mine);
    for (n = 1; n < 1000; n++) {
        aimem_result r;
        disk.calls = 0;
        disk.fail_at = n;
        disk.error = AIMEM_ERR_IO;
        disk.failed = NULL;
        r = aimem_vec_load_file(&desc, "a.vec", &io, &w, &os_error);
        CHECK_INT(disk.open, 0);
        if (disk.failed == NULL || strcmp(disk.failed, "close") == 0) {
            CHECK_INT(r, AIMEM_OK); /* all was read */
            CHECK_INT(os_error, 0);
            CHECK(w != NULL && same(v, w));
            aimem_vec_destroy(w);
            if (disk.failed == NULL) break;
            continue;
        }
        CHECK_INT(r, AIMEM_ERR_IO);
        CHECK_INT(os_error, 5);
        CHECK(w == NULL);
        CHECK_HEAP_CLEAN(&mine);
    }
    CHECK(n > 8);
    disk.fail_at = 0;
    for (n = 1; n < 1000; n++) {
        mine.calls = 0;
        mine.fail_at = n;
        if (aimem_vec_load_file(&desc, "a.vec", &io, &w, &os_error) == AIMEM_OK) break;
        CHECK_INT(disk.open, 0);
        CHECK(w == NULL);
        CHECK_HEAP_CLEAN(&mine);
    }
    CHECK(n > 5);
    aimem_vec_destroy(w);
    aimem_vec_destroy(v);
    CHECK_HEAP_CLEAN(&heap);
    CHECK_HEAP_CLEAN(&mine);
    (void)disk_new();
}

/* Bytes behind the end, a cut file, a stale and longer temporary file, no sync at all. */
static void odd_files(void) {
    check_heap heap, mine;
    aimem_vec *v = sample(&heap, 20), *w;
    aimem_vec_desc desc = vt_desc(0, 0);
    aimem_io io = disk_new();
    disk_file *f;
    int32_t os_error = 9;
    void *file;
    vt_use_heap(&desc, &mine);
    CHECK_INT(disk_open(NULL, "a.vec.tmp", AIMEM_IO_CREATE, &file, &os_error), AIMEM_OK);
    CHECK_INT(disk_close(NULL, file, &os_error), AIMEM_OK);
    memset(disk_find("a.vec.tmp")->data, 'x', ROOM);
    disk_find("a.vec.tmp")->size = ROOM;
    CHECK_INT(aimem_vec_save_file(v, "a.vec", &io, &os_error), AIMEM_OK);
    CHECK(holds(v, "a.vec", &io));
    CHECK_INT(disk.dir_synced, 1);
    f = disk_find("a.vec");
    REQUIRE(f != NULL);
    f->size++;
    CHECK_INT(aimem_vec_load_file(&desc, "a.vec", &io, &w, &os_error), AIMEM_ERR_CORRUPT);
    CHECK(w == NULL && os_error == 0);
    f->size -= 2;
    CHECK_INT(aimem_vec_load_file(&desc, "a.vec", &io, &w, &os_error), AIMEM_ERR_CORRUPT);
    f->size = 0;
    CHECK_INT(aimem_vec_load_file(&desc, "a.vec", &io, &w, &os_error), AIMEM_ERR_CORRUPT);
    CHECK_HEAP_CLEAN(&mine);
    disk.unsupported_sync = 1;
    CHECK_INT(aimem_vec_save_file(v, "a.vec", &io, &os_error), AIMEM_OK);
    CHECK_INT(os_error, 0);
    CHECK(holds(v, "a.vec", &io));
    CHECK_INT(disk.errors, 0);
    aimem_vec_destroy(v);
    CHECK_HEAP_CLEAN(&heap);
    (void)disk_new();
}

/* ---- the system's files ---------------------------------------------------------------------- */

/* The name differs between programs that run at the same time. */
static void real_files(void) {
    char path[80], tmp[88];
    check_heap heap, other;
    aimem_vec *v = sample(&heap, 900), *w = NULL;
    int32_t os_error = 0;
    aimem_result r;
    FILE *f;
    aimem_vec *few = sample(&other, 3);
    snprintf(path, sizeof path, "vec_io_test_%llx_%llx_%d.vec", (unsigned long long)time(NULL),
             (unsigned long long)(uintptr_t)v, CPLUSPLUS);
    snprintf(tmp, sizeof tmp, "%s.tmp", path);
    r = aimem_vec_save_file(v, path, NULL, &os_error);
    if (r == AIMEM_ERR_UNSUPPORTED) {
        CHECK_INT(aimem_vec_load_file(NULL, path, NULL, &w, &os_error), AIMEM_ERR_UNSUPPORTED);
    } else {
        CHECK_INT(r, AIMEM_OK);
        CHECK(holds(v, path, NULL));
        CHECK_INT(aimem_vec_save_file(few, path, NULL, &os_error), AIMEM_OK); /* shorter */
        CHECK(holds(few, path, NULL));
        CHECK(fopen(tmp, "rb") == NULL);
        f = fopen(path, "ab");
        REQUIRE(f != NULL);
        fputc(0, f);
        fclose(f);
        CHECK_INT(aimem_vec_load_file(NULL, path, NULL, &w, &os_error), AIMEM_ERR_CORRUPT);
        CHECK_INT(remove(path), 0);
        CHECK_INT(aimem_vec_load_file(NULL, path, NULL, &w, &os_error), AIMEM_ERR_NOT_FOUND);
        CHECK(os_error != 0 && w == NULL);
        os_error = 0;
        r = aimem_vec_save_file(v, "no such folder/a.vec", NULL, &os_error);
        CHECK(r < 0 && os_error != 0);
    }
    aimem_vec_destroy(v);
    aimem_vec_destroy(few);
    CHECK_HEAP_CLEAN(&heap);
    CHECK_HEAP_CLEAN(&other);
}

int main(int argc, char **argv) {
    CHECK_BEGIN(argc, argv);
    RUN(saves);
    RUN(saves_without_memory);
    RUN(loads);
    RUN(odd_files);
    RUN(real_files);
    return CHECK_END();
}
