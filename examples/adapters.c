/* adapters.c: the allocator hook of aimem and the hooks of others, in both directions.
 *
 *   1. a malloc/free pair          as an aimem_allocator
 *   2. an aimem_allocator          as Lua's lua_Alloc
 *   3. an aimem_allocator          as SQLite's memory methods
 *   4. an aimem_allocator          as a std::pmr::memory_resource, and back (C++)
 *
 * Copy the section that you need. The rest of the file shows each at work: an arena with a limit
 * under Lua, one counted heap under everything. With -DHAVE_LUA or -DHAVE_SQLITE3 the real library
 * is linked (tests/adapters_real.sh does so); without, a few lines play its part.
 *
 *   cc -std=c11 -I. examples/adapters.c -lm -lpthread        c++ -std=c++17 -x c++ does too
 */
#define AIMEM_POOL_IMPLEMENTATION
#include "aimem_pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_LUA
#ifdef __cplusplus
extern "C" {
#endif
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#ifdef __cplusplus
}
#endif
#endif
#ifdef HAVE_SQLITE3
#include <sqlite3.h>
#endif
#if defined(__cplusplus) && defined(__has_include)
#if __has_include(<memory_resource>)
#include <memory_resource>
#include <new>
#include <string>
#include <vector>
#endif
#endif

/* ---- 1. a malloc/free pair as an aimem_allocator ---------------------------------------------
 *
 * The pair of an engine, a runtime or a plugin host. It knows no alignment above its own: what asks
 * for more gets NULL, and the object answers AIMEM_ERR_NOMEM. pair_aligned below has no such limit.
 */
typedef struct pair {
    void *(*get_fn)(size_t size);
    void (*put_fn)(void *ptr);
} pair;

enum { PAIR_ALIGN = 2 * sizeof(void *) }; /* what malloc promises */

static void *pair_realloc(void *user_data, void *ptr, size_t old_size, size_t new_size,
                          size_t align) {
    const pair *p = (const pair *)user_data;
    void *fresh = new_size == 0 || align > PAIR_ALIGN ? NULL : p->get_fn(new_size);
    if (new_size != 0 && fresh == NULL) return NULL; /* the old block stays as it was */
    if (fresh != NULL && ptr != NULL) memcpy(fresh, ptr, old_size < new_size ? old_size : new_size);
    if (ptr != NULL) p->put_fn(ptr);
    return fresh;
}

/* The same for any alignment. A block begins at a multiple of align, and the pointer that the pair
   gave stands just below it. */
static void *pair_aligned(void *user_data, void *ptr, size_t old_size, size_t new_size,
                          size_t align) {
    const pair *p = (const pair *)user_data;
    unsigned char *fresh = NULL;
    void *raw;
    if (new_size != 0) {
        uintptr_t at;
        if (new_size > SIZE_MAX - align - sizeof raw) return NULL;
        raw = p->get_fn(new_size + align + sizeof raw);
        if (raw == NULL) return NULL;
        at = ((uintptr_t)raw + sizeof raw + align - 1) & ~(uintptr_t)(align - 1);
        fresh = (unsigned char *)raw + (at - (uintptr_t)raw);
        memcpy(fresh - sizeof raw, &raw, sizeof raw);
        if (ptr != NULL) memcpy(fresh, ptr, old_size < new_size ? old_size : new_size);
    }
    if (ptr != NULL) {
        memcpy(&raw, (unsigned char *)ptr - sizeof raw, sizeof raw);
        p->put_fn(raw);
    }
    return fresh;
}

/* ---- 2. an aimem_allocator as lua_Alloc ------------------------------------------------------
 *
 *   lua_State *L = lua_newstate(lua_from_aimem, &allocator);
 *
 * Without a block, Lua's old size is the kind of the new object, not a size. Lua up to 5.3 relies on
 * it that shrinking never fails; the C library, arenas and pools keep to that.
 */
enum { LUA_BLOCK_ALIGN = 16 };

static void *lua_from_aimem(void *user_data, void *ptr, size_t old_size, size_t new_size) {
    const aimem_allocator *a = (const aimem_allocator *)user_data;
    if (ptr == NULL) old_size = 0;
    if (ptr == NULL && new_size == 0) return NULL;
    return a->realloc_fn(a->user_data, ptr, old_size, new_size, LUA_BLOCK_ALIGN);
}

/* ---- 3. an aimem_allocator as SQLite's memory methods ----------------------------------------
 *
 *   sqlite_memory = &allocator;                       before sqlite3_initialize
 *   sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
 *
 * SQLite's functions have no user data, so the allocator is a variable of the process, and they ask
 * for the size of a block, so each has its size in front:  [ size, 16 bytes | block ]
 */
#ifndef HAVE_SQLITE3
/* What sqlite3.h declares. */
typedef struct sqlite3_mem_methods {
    void *(*xMalloc)(int);
    void (*xFree)(void *);
    void *(*xRealloc)(void *, int);
    int (*xSize)(void *);
    int (*xRoundup)(int);
    int (*xInit)(void *);
    void (*xShutdown)(void *);
    void *pAppData;
} sqlite3_mem_methods;
#endif

enum { SQLITE_HEAD = 16 };
static const aimem_allocator *sqlite_memory;

static int sqlite_size(void *ptr) {
    int size;
    if (ptr == NULL) return 0;
    memcpy(&size, (unsigned char *)ptr - SQLITE_HEAD, sizeof size);
    return size;
}

/* SQLite rounds up first, so size is a multiple of 8 and at most 2^31 - 8. */
static void *sqlite_realloc(void *ptr, int size) {
    const aimem_allocator *a = sqlite_memory;
    unsigned char *old = ptr == NULL ? NULL : (unsigned char *)ptr - SQLITE_HEAD;
    size_t old_size = ptr == NULL ? 0 : (size_t)sqlite_size(ptr) + SQLITE_HEAD;
    unsigned char *fresh;
    if (size <= 0) return NULL;
    fresh = (unsigned char *)a->realloc_fn(a->user_data, old, old_size, (size_t)size + SQLITE_HEAD,
                                           SQLITE_HEAD);
    if (fresh == NULL) return NULL;
    memcpy(fresh, &size, sizeof size);
    return fresh + SQLITE_HEAD;
}

static void *sqlite_malloc(int size) {
    return sqlite_realloc(NULL, size);
}

static void sqlite_free(void *ptr) {
    const aimem_allocator *a = sqlite_memory;
    if (ptr == NULL) return;
    (void)a->realloc_fn(a->user_data, (unsigned char *)ptr - SQLITE_HEAD,
                        (size_t)sqlite_size(ptr) + SQLITE_HEAD, 0, SQLITE_HEAD);
}

static int sqlite_roundup(int size) {
    return size > INT32_MAX - 7 ? size : (size + 7) & ~7;
}

static int sqlite_init(void *app_data) {
    (void)app_data;
    return 0; /* SQLITE_OK */
}

static void sqlite_shutdown(void *app_data) {
    (void)app_data;
}

static const sqlite3_mem_methods sqlite_methods = {
    sqlite_malloc,  sqlite_free, sqlite_realloc,  sqlite_size,
    sqlite_roundup, sqlite_init, sqlite_shutdown, NULL};

/* ---- 4. std::pmr -----------------------------------------------------------------------------
 *
 *   pmr_from_aimem memory(allocator);
 *   std::pmr::vector<int> numbers(&memory);
 *
 * And back: aimem_from_pmr is a realloc_fn whose user_data is a memory_resource.
 */
#if defined(__cpp_lib_memory_resource)
class pmr_from_aimem final : public std::pmr::memory_resource {
public:
    explicit pmr_from_aimem(const aimem_allocator &allocator) : hook(allocator) {}

private:
    aimem_allocator hook;

    void *do_allocate(std::size_t size, std::size_t align) override {
        if (size == 0) size = 1; /* the standard wants an address */
        void *ptr = hook.realloc_fn(hook.user_data, nullptr, 0, size, align);
#if defined(__cpp_exceptions)
        if (ptr == nullptr) throw std::bad_alloc();
#else
        if (ptr == nullptr) std::abort();
#endif
        return ptr;
    }

    void do_deallocate(void *ptr, std::size_t size, std::size_t align) override {
        (void)hook.realloc_fn(hook.user_data, ptr, size == 0 ? 1 : size, 0, align);
    }

    bool do_is_equal(const std::pmr::memory_resource &other) const noexcept override {
        return this == &other;
    }
};

static void *aimem_from_pmr(void *user_data, void *ptr, size_t old_size, size_t new_size,
                            size_t align) {
    std::pmr::memory_resource *memory = static_cast<std::pmr::memory_resource *>(user_data);
    void *fresh = nullptr;
    if (new_size != 0) {
#if defined(__cpp_exceptions)
        try {
            fresh = memory->allocate(new_size, align);
        } catch (...) {
            return nullptr;
        }
#else
        fresh = memory->allocate(new_size, align);
#endif
        if (ptr != nullptr) memcpy(fresh, ptr, old_size < new_size ? old_size : new_size);
    }
    if (ptr != nullptr) memory->deallocate(ptr, old_size, align);
    return fresh;
}
#endif

/* ---- a counted heap, to see that every adapter gives back what it took, with true sizes --------- */

typedef struct counted {
    long blocks, bytes;
    long limit; /* bytes that may live at once; 0: no limit */
} counted;

static void *counted_realloc(void *user_data, void *ptr, size_t old_size, size_t new_size,
                             size_t align) {
    static const pair libc = {malloc, free};
    pair p = libc;
    counted *c = (counted *)user_data;
    long more = (long)new_size - (long)old_size;
    void *fresh;
    if (new_size > old_size && c->limit != 0 && c->bytes + more > c->limit) return NULL;
    fresh = pair_aligned(&p, ptr, old_size, new_size, align);
    if (new_size != 0 && fresh == NULL) return NULL;
    c->bytes += more;
    c->blocks += (fresh != NULL) - (ptr != NULL);
    return fresh;
}

static int failures;

static void expect(int ok, const char *what) {
    printf("%s  %s\n", ok ? "ok" : "FAIL", what);
    failures += !ok;
}

static int is_clean(const counted *c) {
    return c->blocks == 0 && c->bytes == 0;
}

/* ---- each adapter at work ----------------------------------------------------------------------- */

static long pair_live;

static void *engine_get(size_t size) {
    void *ptr = malloc(size);
    if (ptr != NULL) pair_live++;
    return ptr;
}

static void engine_put(void *ptr) {
    pair_live--;
    free(ptr);
}

/* An arena on an engine's pair of functions. */
static void show_pair(void) {
    pair engine = {engine_get, engine_put};
    aimem_arena_desc desc;
    aimem_arena arena;
    void *wide;
    char *text;
    memset(&desc, 0, sizeof desc);
    desc.allocator.realloc_fn = pair_realloc;
    desc.allocator.user_data = &engine;
    desc.chunk_size = 4096;
    if (aimem_arena_init(&arena, &desc) != AIMEM_OK) {
        expect(0, "an arena on malloc and free");
        return;
    }
    text = aimem_arena_strdup(&arena, "remember me");
    expect(text != NULL && strcmp(text, "remember me") == 0 && pair_live > 0,
           "an arena on malloc and free");
    aimem_arena_deinit(&arena);
    expect(pair_realloc(&engine, NULL, 0, 100, 4096) == NULL, "more alignment than malloc's: NULL");
    wide = pair_aligned(&engine, NULL, 0, 100, 4096);
    expect(wide != NULL && ((uintptr_t)wide & 4095) == 0, "4096-byte alignment from malloc");
    if (wide != NULL) (void)pair_aligned(&engine, wide, 100, 0, 4096);
    expect(pair_live == 0, "every block went back to the engine");
}

#ifdef HAVE_LUA
/* Runs a script; 0: it ran. */
static int run_lua(const aimem_allocator *allocator, const char *script) {
    aimem_allocator copy = *allocator;
    lua_State *L = lua_newstate(lua_from_aimem, &copy);
    int status;
    if (L == NULL) return LUA_ERRMEM;
    luaL_openlibs(L);
    status = luaL_loadstring(L, script);
    if (status == LUA_OK) status = lua_pcall(L, 0, 0, 0);
    lua_close(L);
    return status;
}
#else
/* What Lua does to its allocator: strings that grow, tables that shrink, all freed at the end. */
static int run_lua(const aimem_allocator *allocator, const char *script) {
    aimem_allocator copy = *allocator;
    size_t size = strlen(script), step;
    void *text = lua_from_aimem(&copy, NULL, 4, size); /* 4: the kind of object, a string */
    int status = text == NULL ? 4 : 0;
    for (step = 0; status == 0 && step < 12; step++) {
        void *longer = lua_from_aimem(&copy, text, size, size * 2);
        if (longer == NULL) {
            status = 4;
        } else {
            text = longer;
            size *= 2;
        }
    }
    if (text != NULL) (void)lua_from_aimem(&copy, text, size, 0);
    return status;
}
#endif

static void show_lua(void) {
    static const char script[] = "local t = {} for i = 1, 2000 do t[i] = 'line ' .. i end "
                                 "local s = table.concat(t, ',') assert(#s > 10000)";
    counted heap;
    aimem_allocator allocator;
    aimem_arena arena;
    memset(&heap, 0, sizeof heap);
    allocator.realloc_fn = counted_realloc;
    allocator.user_data = &heap;
    expect(run_lua(&allocator, script) == 0, "a Lua state on an aimem_allocator");
    expect(is_clean(&heap), "lua_close gave everything back, with true sizes");
    heap.limit = 50000;
    expect(run_lua(&allocator, script) != 0 && is_clean(&heap),
           "a Lua state within 50000 bytes stops with an error and leaks nothing");
    if (aimem_arena_init(&arena, NULL) != AIMEM_OK) {
        expect(0, "an arena");
        return;
    }
    allocator = aimem_arena_allocator(&arena);
    expect(run_lua(&allocator, script) == 0, "a Lua state in an arena, thrown away as one");
    aimem_arena_deinit(&arena);
}

#ifdef HAVE_SQLITE3
/* Runs SQL against a database in memory on the methods that are set; 0: every row is there. */
static int run_sqlite(void) {
    sqlite3 *db = NULL;
    sqlite3_stmt *query = NULL;
    int status;
    if (sqlite3_config(SQLITE_CONFIG_MALLOC, &sqlite_methods) != SQLITE_OK) return 1;
    status = sqlite3_initialize();
    if (status == SQLITE_OK) status = sqlite3_open(":memory:", &db);
    if (status == SQLITE_OK) {
        status = sqlite3_exec(db,
                              "CREATE TABLE t(n INTEGER, s TEXT);"
                              "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c "
                              "WHERE i < 1000) INSERT INTO t SELECT i, 'row ' || i FROM c;",
                              NULL, NULL, NULL);
    }
    if (status == SQLITE_OK) status = sqlite3_prepare_v2(db, "SELECT sum(n) FROM t", -1, &query, 0);
    if (status == SQLITE_OK && sqlite3_step(query) != SQLITE_ROW) status = SQLITE_ERROR;
    if (status == SQLITE_OK && sqlite3_column_int(query, 0) != 500500) status = SQLITE_ERROR;
    sqlite3_finalize(query);
    sqlite3_close(db);
    sqlite3_shutdown();
    return status;
}
#else
/* What SQLite does with its methods. */
static int run_sqlite(void) {
    const sqlite3_mem_methods *m = &sqlite_methods;
    void *row, *longer;
    if (m->xInit(m->pAppData) != 0) return 1;
    row = m->xMalloc(m->xRoundup(13));
    if (row == NULL) return 7; /* SQLITE_NOMEM */
    memset(row, 7, (size_t)m->xSize(row));
    longer = m->xRealloc(row, m->xRoundup(1000));
    if (longer == NULL) {
        m->xFree(row);
        return 7;
    }
    if (m->xSize(longer) != 1000 || ((unsigned char *)longer)[15] != 7) return 1;
    m->xFree(longer);
    m->xShutdown(m->pAppData);
    return 0;
}
#endif

static void show_sqlite(void) {
    counted heap;
    aimem_allocator allocator;
    memset(&heap, 0, sizeof heap);
    allocator.realloc_fn = counted_realloc;
    allocator.user_data = &heap;
    sqlite_memory = &allocator;
    expect(run_sqlite() == 0, "a SQLite database on an aimem_allocator");
    expect(is_clean(&heap), "sqlite3_shutdown gave everything back");
    heap.limit = 500;
    expect(run_sqlite() != 0 && is_clean(&heap), "within 500 bytes: an error, and no leak");
    sqlite_memory = NULL;
}

#if defined(__cpp_lib_memory_resource)
/* Strings in a counted heap, then an arena that takes its chunks from a memory_resource. */
static void show_pmr() {
    counted heap = {0, 0, 0};
    aimem_allocator allocator = {counted_realloc, &heap};
    bool same = true;
    {
        pmr_from_aimem memory(allocator);
        std::pmr::vector<std::pmr::string> lines(&memory);
        for (int i = 0; i < 100; i++) {
            lines.emplace_back("a line that is too long to be kept inside of a string object");
        }
        for (const std::pmr::string &line : lines) same = same && line.size() == 60;
        expect(same && heap.blocks > 100, "std::pmr strings on an aimem_allocator");

        aimem_arena_desc desc = {};
        aimem_arena arena;
        desc.allocator.realloc_fn = aimem_from_pmr;
        desc.allocator.user_data = &memory;
        bool made = aimem_arena_init(&arena, &desc) == AIMEM_OK;
        expect(made && aimem_arena_push(&arena, 1000, 64) != nullptr,
               "an arena on a std::pmr::memory_resource");
        if (made) aimem_arena_deinit(&arena);
    }
    expect(is_clean(&heap), "the memory_resource gave everything back, with true sizes");
}
#endif

int main(void) {
    show_pair();
    show_lua();
    show_sqlite();
#if defined(__cpp_lib_memory_resource)
    show_pmr();
#endif
    printf("%d failed\n", failures);
    return failures != 0;
}
