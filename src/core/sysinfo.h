/* core/sysinfo.h: how much memory the machine has, and how much of it a container may use.
 *
 * Linux: /proc/meminfo, and the control groups of this process. Version 2: memory.max in the group
 * named by the line "0::" of /proc/self/cgroup and in all groups above it; version 1:
 * memory.limit_in_bytes along the path of the line with the controller "memory"; hybrid systems
 * have both, and all limits count: the smallest holds. Inside a container the path may be that of
 * the host and not exist; the root that the container sees is then its own group, and is looked at
 * anyway. Files are read into buffers on the stack (about 12 KiB); what is missing, empty, too long
 * or no number is unknown.
 */
#ifndef AIMC_SYSINFO_H
#define AIMC_SYSINFO_H

#include "core/checked.h"
#include "core/file.h"
#include "core/posix.h"
#include "core/types.h"
#include "core/win32.h"

#if defined(AIMC_OS_LINUX)
#include <sys/sysinfo.h>
#endif
#if defined(AIMC_OS_APPLE)
#include <sys/sysctl.h>
#endif

/* In bytes; 0 is unknown, for limit also: none. */
typedef struct aimc_ram {
    uint64_t total;
    uint64_t available; /* without swapping, as the system guesses */
    uint64_t limit;     /* of the control group; may be above total */
} aimc_ram;

#if defined(AIMC_OS_LINUX) && defined(AIMC_FILES)

#define AIMC_SYSINFO_TEXT 8192 /* bytes of a file that are looked at */
#define AIMC_SYSINFO_PATH 2048

/* The kernel writes "no limit" of version 1 as the largest multiple of a page. */
#define AIMC_SYSINFO_NO_LIMIT ((uint64_t)1 << 60)

/* The file's text and a NUL; "" when it cannot be read. Of a file that does not fit: the whole
   lines at its start. */
AIMC_FN void aimc_sysinfo_read(const char *path, char *text, size_t cap) {
    void *file;
    size_t got = 0;
    int32_t os_error;
    if (aimc_file_open(NULL, path, AIMEM_IO_READ, &file, &os_error) == AIMEM_OK) {
        if (aimc_file_pread(NULL, file, 0, text, cap - 1, &got, &os_error) != AIMEM_OK) got = 0;
        (void)aimc_file_close(NULL, file, &os_error);
    }
    if (got == cap - 1) {
        while (got > 0 && text[got - 1] != '\n') got--;
    }
    text[got] = 0;
}

/* A decimal number at text, after blanks; false when there is none, or it does not fit, or
   something other than a blank or the end follows it. */
AIMC_FN bool aimc_sysinfo_number(const char *text, uint64_t *out) {
    uint64_t value = 0;
    bool any = false;
    while (*text == ' ' || *text == '\t') text++;
    for (; *text >= '0' && *text <= '9'; text++) {
        if (!aimc_mul_u64(value, 10, &value)) return false;
        if (!aimc_add_u64(value, (uint64_t)(*text - '0'), &value)) return false;
        any = true;
    }
    if (!any || (*text != 0 && *text != ' ' && *text != '\t' && *text != '\n')) return false;
    *out = value;
    return true;
}

/* The start of the line after text's, or the end of text. */
AIMC_FN const char *aimc_sysinfo_next_line(const char *text) {
    while (*text != 0 && *text != '\n') text++;
    return *text == 0 ? text : text + 1;
}

/* The line "key   123 kB" of meminfo in bytes; 0 when it is not there. */
AIMC_FN uint64_t aimc_sysinfo_meminfo(const char *text, const char *key) {
    size_t n = strlen(key);
    uint64_t kb = 0, bytes = 0;
    for (; *text != 0; text = aimc_sysinfo_next_line(text)) {
        if (strncmp(text, key, n) != 0) continue;
        if (aimc_sysinfo_number(text + n, &kb) && aimc_mul_u64(kb, 1024, &bytes)) return bytes;
        return 0;
    }
    return 0;
}

/* dst = its first n bytes, then tail; false, and dst as it was, when that does not fit. */
AIMC_FN bool aimc_sysinfo_append(char *dst, size_t *n, const char *tail, size_t tail_n) {
    if (tail_n >= AIMC_SYSINFO_PATH - *n) return false;
    memcpy(dst + *n, tail, tail_n);
    *n += tail_n;
    dst[*n] = 0;
    return true;
}

/* Whether one of the n bytes' components is "..": a group outside of what this process sees. */
AIMC_FN bool aimc_sysinfo_outside(const char *group, size_t n) {
    size_t i;
    for (i = 0; i + 2 < n; i++) {
        if (memcmp(group + i, "/..", 3) == 0 && (i + 3 == n || group[i + 3] == '/')) return true;
    }
    return false;
}

/* *limit = the smallest limit in prefix + mount + group and every directory above it, down to the
   mount, where each has a file of this name. */
AIMC_FN void aimc_sysinfo_walk(const char *prefix, const char *mount, const char *group,
                               size_t group_n, const char *name, uint64_t *limit) {
    char path[AIMC_SYSINFO_PATH], text[64];
    size_t n = 0, base, end;
    if (!aimc_sysinfo_append(path, &n, prefix, strlen(prefix))) return;
    if (!aimc_sysinfo_append(path, &n, mount, strlen(mount))) return;
    base = n;
    if (group_n == 0 || group[0] != '/' || aimc_sysinfo_outside(group, group_n)) group_n = 0;
    if (!aimc_sysinfo_append(path, &n, group, group_n)) n = base;
    for (;;) {
        uint64_t value = 0;
        while (n > base && path[n - 1] == '/') n--;
        end = n;
        if (aimc_sysinfo_append(path, &end, name, strlen(name))) {
            aimc_sysinfo_read(path, text, sizeof text);
            if (aimc_sysinfo_number(text, &value) && value < AIMC_SYSINFO_NO_LIMIT &&
                value != 0 && (*limit == 0 || value < *limit)) {
                *limit = value;
            }
        }
        if (n == base) return;
        while (n > base && path[n - 1] != '/') n--;
    }
}

/* Whether the comma list of controllers, up to the colon, has "memory". */
AIMC_FN bool aimc_sysinfo_has_memory(const char *list) {
    for (;;) {
        if (strncmp(list, "memory", 6) == 0 && (list[6] == ',' || list[6] == ':')) return true;
        while (*list != 0 && *list != ',' && *list != ':' && *list != '\n') list++;
        if (*list != ',') return false;
        list++;
    }
}

/* One line "id:controllers:group" of /proc/self/cgroup. */
AIMC_FN void aimc_sysinfo_group(const char *prefix, const char *line, uint64_t *limit) {
    const char *list = line, *group, *end;
    while (*list >= '0' && *list <= '9') list++;
    if (list == line || *list != ':') return;
    list++;
    group = list;
    while (*group != 0 && *group != ':' && *group != '\n') group++;
    if (*group != ':') return;
    group++;
    for (end = group; *end != 0 && *end != '\n'; end++) {
    }
    if (list[0] == ':') {
        size_t n = (size_t)(end - group);
        aimc_sysinfo_walk(prefix, "/sys/fs/cgroup", group, n, "/memory.max", limit);
        aimc_sysinfo_walk(prefix, "/sys/fs/cgroup/unified", group, n, "/memory.max", limit);
    } else if (aimc_sysinfo_has_memory(list)) {
        aimc_sysinfo_walk(prefix, "/sys/fs/cgroup/memory", group, (size_t)(end - group),
                          "/memory.limit_in_bytes", limit);
    }
}

AIMC_FN void aimc_sysinfo_files(const char *prefix, aimc_ram *out) {
    char text[AIMC_SYSINFO_TEXT], path[AIMC_SYSINFO_PATH];
    size_t base = 0, n;
    const char *line;
    if (!aimc_sysinfo_append(path, &base, prefix, strlen(prefix))) return;
    n = base;
    if (!aimc_sysinfo_append(path, &n, "/proc/meminfo", 13)) return;
    aimc_sysinfo_read(path, text, sizeof text);
    out->total = aimc_sysinfo_meminfo(text, "MemTotal:");
    out->available = aimc_sysinfo_meminfo(text, "MemAvailable:");
    if (out->total != 0 && out->available > out->total) out->available = out->total;
    n = base;
    if (!aimc_sysinfo_append(path, &n, "/proc/self/cgroup", 17)) return;
    aimc_sysinfo_read(path, text, sizeof text);
    for (line = text; *line != 0; line = aimc_sysinfo_next_line(line)) {
        aimc_sysinfo_group(prefix, line, &out->limit);
    }
}
#endif

/* What the system itself answers, without files. */
AIMC_FN void aimc_sysinfo_system(aimc_ram *out) {
#if defined(AIMC_OS_WINDOWS)
    MEMORYSTATUSEX status;
    memset(&status, 0, sizeof status);
    status.dwLength = sizeof status;
    if (!GlobalMemoryStatusEx(&status)) return;
    out->total = status.ullTotalPhys;
    out->available = status.ullAvailPhys;
#elif defined(AIMC_OS_LINUX)
    struct sysinfo info;
    if (out->total != 0 || sysinfo(&info) != 0) return;
    out->total = (uint64_t)info.totalram * info.mem_unit;
#elif defined(AIMC_OS_APPLE)
    uint64_t bytes = 0;
    size_t size = sizeof bytes;
    if (sysctlbyname("hw.memsize", &bytes, &size, NULL, 0) == 0) out->total = bytes;
#elif defined(AIMC_OS_BSD) && defined(_SC_PHYS_PAGES)
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    if (pages > 0 && page > 0) out->total = (uint64_t)pages * (uint64_t)page;
#else
    (void)out;
#endif
}

/* *out = the machine's memory and this process's limit. root_prefix: NULL or "" for the machine; a
   directory that has a proc and a sys for tests, then nothing else is asked. Reads a few files: for
   start and ticks, not for hot paths. */
AIMC_FN void aimc_ram_info(const char *root_prefix, aimc_ram *out) {
    memset(out, 0, sizeof *out);
#if defined(AIMC_OS_LINUX) && defined(AIMC_FILES)
    aimc_sysinfo_files(root_prefix != NULL ? root_prefix : "", out);
#endif
    if (root_prefix == NULL || root_prefix[0] == 0) aimc_sysinfo_system(out);
}

#endif
