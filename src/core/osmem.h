/* core/osmem.h: pages of the operating system behind the aimem_vm hook.
 *
 * A range is reserved (an address range and nothing else), committed (memory that reads as zero),
 * decommitted (the memory goes back, the addresses stay) and released. A reservation costs neither
 * memory nor swap, so a large one is cheap; but ulimit -v counts it.
 */
#ifndef AIMC_OSMEM_H
#define AIMC_OSMEM_H

#include "core/posix.h"
#include "core/types.h"
#include "core/win32.h"

#if defined(AIMC_OS_WINDOWS) || (defined(AIMC_OS_POSIX) && !defined(AIMC_OS_WASM))
#define AIMC_VM 1
#endif

/* Bytes per page, a power of two; where nothing knows it: 4096. */
AIMC_FN size_t aimc_page_size(void) {
#if defined(AIMC_OS_WINDOWS)
    SYSTEM_INFO info;
    GetSystemInfo(&info);
    return (size_t)info.dwPageSize;
#elif defined(AIMC_OS_POSIX)
    long size = sysconf(_SC_PAGESIZE);
    return size > 0 ? (size_t)size : 4096;
#else
    return 4096;
#endif
}

#if defined(AIMC_VM) && defined(AIMC_OS_WINDOWS)
AIMC_FN void *aimc_vm_reserve(void *user_data, size_t size) {
    (void)user_data;
    return VirtualAlloc(NULL, size, MEM_RESERVE, PAGE_NOACCESS);
}

AIMC_FN bool aimc_vm_commit(void *user_data, void *ptr, size_t size) {
    (void)user_data;
    return VirtualAlloc(ptr, size, MEM_COMMIT, PAGE_READWRITE) != NULL;
}

AIMC_FN void aimc_vm_decommit(void *user_data, void *ptr, size_t size) {
    (void)user_data;
    if (size != 0) (void)VirtualFree(ptr, size, MEM_DECOMMIT);
}

AIMC_FN void aimc_vm_release(void *user_data, void *ptr, size_t size) {
    (void)user_data;
    (void)size;
    (void)VirtualFree(ptr, 0, MEM_RELEASE);
}
#elif defined(AIMC_VM)
AIMC_FN void *aimc_vm_reserve(void *user_data, size_t size) {
    int flags = MAP_PRIVATE | AIMC_MAP_ANONYMOUS | AIMC_MAP_NORESERVE;
    void *ptr = AIMC_MMAP(NULL, size, PROT_NONE, flags, -1, 0);
    (void)user_data;
    return ptr == MAP_FAILED ? NULL : ptr;
}

AIMC_FN bool aimc_vm_commit(void *user_data, void *ptr, size_t size) {
    (void)user_data;
    return mprotect(ptr, size, PROT_READ | PROT_WRITE) == 0;
}

/* Fresh pages without access are mapped over the old ones: unlike madvise, that gives memory and
   commit charge back, and reads as zero later, on every system, for locked pages too, and under
   emulators. It can fail when the process has too many mappings to split one; then the pages stay,
   and zeroing them keeps the promise. */
AIMC_FN void aimc_vm_decommit(void *user_data, void *ptr, size_t size) {
    int flags = MAP_PRIVATE | AIMC_MAP_ANONYMOUS | AIMC_MAP_NORESERVE | MAP_FIXED;
    (void)user_data;
    if (size == 0) return;
    if (AIMC_MMAP(ptr, size, PROT_NONE, flags, -1, 0) != MAP_FAILED) return;
    if (mprotect(ptr, size, PROT_READ | PROT_WRITE) == 0) memset(ptr, 0, size);
}

AIMC_FN void aimc_vm_release(void *user_data, void *ptr, size_t size) {
    (void)user_data;
    (void)munmap(ptr, size);
}
#endif

/* *out = the system's pages; false, and *out zeroed, where there are none (no OS, WASM). */
AIMC_FN bool aimc_vm_default(aimem_vm *out) {
    memset(out, 0, sizeof *out);
#if defined(AIMC_VM)
    out->reserve_fn = aimc_vm_reserve;
    out->commit_fn = aimc_vm_commit;
    out->decommit_fn = aimc_vm_decommit;
    out->release_fn = aimc_vm_release;
    out->page_size = aimc_page_size();
    return true;
#else
    return false;
#endif
}

/* *out = hook, or the system's pages for NULL or a zero hook; false when there are neither. A hook
   that leaves page_size 0 gets the system's. */
AIMC_FN bool aimc_vm_or_default(const aimem_vm *hook, aimem_vm *out) {
    if (hook == NULL || hook->reserve_fn == NULL) return aimc_vm_default(out);
    *out = *hook;
    if (out->page_size == 0) out->page_size = aimc_page_size();
    return true;
}

/* Asks for large pages behind committed pages of the system (not of a user's hook). Only a hint,
   true when the system took it; a decommit forgets it. Linux alone knows it: Windows wants a
   privilege and a reservation of another kind. */
AIMC_FN bool aimc_vm_hint_huge(void *ptr, size_t size) {
#if defined(AIMC_VM) && defined(AIMC_OS_LINUX)
    return madvise(ptr, size, AIMC_MADV_HUGEPAGE) == 0;
#else
    (void)ptr;
    (void)size;
    return false;
#endif
}

#endif
