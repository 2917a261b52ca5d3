/* core/io.h: public vocabulary of the headers that read and write files.
 *
 * aimem_io is a table of file operations. Zero: the system's (core/file.h). A user brings another
 * file system with it; the tests bring a simulated disk that fails and crashes.
 */
#ifndef AIMEM_TYPE_IO_1
#define AIMEM_TYPE_IO_1
/* Flags of open_fn. */
enum {
    AIMEM_IO_READ = 1,
    AIMEM_IO_WRITE = 2,
    AIMEM_IO_CREATE = 4,   /* make the file when it is missing */
    AIMEM_IO_EXCLUSIVE = 8 /* with CREATE: AIMEM_ERR_EXISTS when it is there */
};
/* How strong a sync is. */
enum {
    AIMEM_IO_SYNC_FULL = 0,   /* bytes and size survive a power cut when it returns */
    AIMEM_IO_SYNC_BARRIER = 1 /* later writes do not overtake earlier ones; or UNSUPPORTED */
};
/* Byte-range locks never wait: AIMEM_ERR_BUSY. */
enum { AIMEM_IO_UNLOCK = 0, AIMEM_IO_LOCK_SHARED = 1, AIMEM_IO_LOCK_EXCLUSIVE = 2 };

/* Paths are UTF-8 and end with NUL. Every call returns AIMEM_OK or an error (NOT_FOUND, EXISTS,
   NOSPACE, READONLY, BUSY, UNSUPPORTED, NOMEM, otherwise IO); then *os_error has the system's
   number, or 0 where there is none. os_error is never NULL. Interrupted calls are repeated by the
   table. Different files, and preads of one file, may be used by several threads at once. */
typedef struct aimem_io {
    aimem_result (*open_fn)(void *user_data, const char *path, uint32_t flags, void **file,
                            int32_t *os_error);
    aimem_result (*close_fn)(void *user_data, void *file, int32_t *os_error); /* always closes */
    aimem_result (*pread_fn)(void *user_data, void *file, uint64_t offset, void *dst, size_t size,
                             size_t *got, int32_t *os_error); /* got < size: the end of the file */
    aimem_result (*pwrite_fn)(void *user_data, void *file, uint64_t offset, const void *src,
                              size_t size, int32_t *os_error); /* all or an error */
    aimem_result (*sync_fn)(void *user_data, void *file, uint32_t kind, int32_t *os_error);
    aimem_result (*truncate_fn)(void *user_data, void *file, uint64_t size, int32_t *os_error);
    aimem_result (*size_fn)(void *user_data, void *file, uint64_t *size, int32_t *os_error);
    aimem_result (*allocate_fn)(void *user_data, void *file, uint64_t offset, uint64_t size,
                                int32_t *os_error); /* room, so that writes there do not fail */
    aimem_result (*map_fn)(void *user_data, void *file, uint64_t offset, size_t size, bool write,
                           void **ptr, int32_t *os_error); /* may be NULL */
    aimem_result (*unmap_fn)(void *user_data, void *file, void *ptr, size_t size,
                             int32_t *os_error); /* may be NULL */
    aimem_result (*lock_fn)(void *user_data, void *file, uint64_t offset, uint64_t size,
                            uint32_t mode, int32_t *os_error);
    aimem_result (*rename_fn)(void *user_data, const char *from, const char *to,
                              int32_t *os_error); /* replaces to, all or nothing */
    aimem_result (*remove_fn)(void *user_data, const char *path, int32_t *os_error);
    aimem_result (*sync_dir_fn)(void *user_data, const char *path,
                                int32_t *os_error); /* the directory that holds path */
    void *user_data;
} aimem_io;
#endif
