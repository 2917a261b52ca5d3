/* recall/memory.h: the memory of the program, in RAM and in its file.
 *
 * In RAM: sources, sections, passages and their text in one arena; the vectors in an aimem_vec,
 * whose ids are the numbers of the passages. What a source leaves behind when it is replaced or
 * forgotten stays in the arena until the program ends, and is not written again.
 *
 * In the file, all numbers little endian:
 *   header (HEADER_SIZE bytes), see header_write
 *   body: document frequencies, then sources with their sections with their passages; numbers as
 *         varints (seven bits a byte, the lowest first), texts as size and bytes
 *   the collection, as aimem_vec_save writes it (it checks itself); nothing behind it
 * A new file is written beside the old one and renamed over it: a crash leaves the old or the new
 * one whole. Two programs that add to one memory at the same time are not kept apart.
 */
#ifndef RECALL_MEMORY_H
#define RECALL_MEMORY_H

#include <errno.h>
#include <stdio.h>

#include "embed.h"

enum { HEADER_SIZE = 56, FILE_VERSION = 1 };
static const uint64_t CHECKSUM_START = 0xCBF29CE484222325u;
static const char FILE_MAGIC[9] = "RECALL\r\n"; /* a copy in text mode would change it */

typedef struct memory {
    aimem_arena arena;
    aimem_vec *vec;
    embedder embed;
    source *first, *last;
    passage **by_id; /* passages in all, in the order of the sources */
    uint32_t sources, passages;
    uint64_t bytes; /* of the passages */
} memory;

/* An empty memory; memory_deinit takes it back, also after a failure. */
static aimem_result memory_init(memory *m) {
    aimem_vec_desc desc;
    aimem_result r;
    memset(m, 0, sizeof *m);
    memset(&desc, 0, sizeof desc);
    desc.dim = DIMENSIONS;
    desc.metric = AIMEM_VEC_IP; /* the cosine, but less for short passages: see embed.h */
    r = aimem_arena_init(&m->arena, NULL);
    if (r == AIMEM_OK) r = aimem_vec_create(&desc, &m->vec);
    if (r == AIMEM_OK && !embedder_init(&m->embed, &m->arena)) r = AIMEM_ERR_NOMEM;
    return r;
}

static void memory_deinit(memory *m) {
    aimem_vec_destroy(m->vec);
    aimem_arena_deinit(&m->arena);
}

/* ---- sources --------------------------------------------------------------------------------- */

static bool span_equal(span a, span b) {
    return a.size == b.size && memcmp(a.at, b.at, a.size) == 0;
}

/* Takes the source of that name out of the list; NULL: there is none. The vectors are those of
   before until memory_embed. */
static source *memory_forget(memory *m, span name) {
    source *before = NULL, *s = m->first;
    while (s != NULL && !span_equal(s->name, name)) {
        before = s;
        s = s->next;
    }
    if (s == NULL) return NULL;
    if (before != NULL)
        before->next = s->next;
    else
        m->first = s->next;
    if (m->last == s) m->last = before;
    m->sources--;
    m->passages -= s->passages;
    m->bytes -= s->bytes;
    s->next = NULL;
    return s;
}

/* Puts a source at the end of the list. */
static void memory_attach(memory *m, source *s) {
    if (m->last != NULL)
        m->last->next = s;
    else
        m->first = s;
    m->last = s;
    m->sources++;
    m->passages += s->passages;
    m->bytes += s->bytes;
}

/* ---- vectors --------------------------------------------------------------------------------- */

/* Numbers the passages: by_id[i] is the passage of vector i. Those of one line get parts. */
static aimem_result memory_number(memory *m) {
    const passage *before;
    uint32_t id = 0;
    source *s;
    section *sec;
    passage *p;
    m->by_id = AIMEM_ARENA_ARRAY(&m->arena, passage *, m->passages);
    if (m->by_id == NULL) return AIMEM_ERR_NOMEM;
    for (s = m->first; s != NULL; s = s->next) {
        before = NULL;
        for (sec = s->first; sec != NULL; sec = sec->next) {
            for (p = sec->first; p != NULL; p = p->next) {
                p->part = before != NULL && before->line == p->line ? before->part + 1 : 1;
                m->by_id[id++] = p;
                before = p;
            }
        }
    }
    return AIMEM_OK;
}

/* "guide.md:12"; "guide.md:12.2" for the second passage that starts in line 12. */
static char *passage_label(aimem_arena *arena, const passage *p) {
    span name = p->section->source->name;
    char *label = (char *)aimem_arena_push(arena, name.size + 24, 1);
    if (label == NULL) return NULL;
    memcpy(label, name.at, name.size);
    if (p->part == 1)
        snprintf(label + name.size, 24, ":%u", (unsigned)p->line);
    else
        snprintf(label + name.size, 24, ":%u.%u", (unsigned)p->line, (unsigned)p->part);
    return label;
}

/* Adds the vectors of passages id .. id + count - 1, all of one section. Scratch memory is taken
   from the arena and given back. */
static aimem_result memory_embed_group(memory *m, uint32_t id, size_t count, bool headings) {
    aimem_arena_mark mark = aimem_arena_save(&m->arena);
    float *vectors = AIMEM_ARENA_ARRAY(&m->arena, float, count *DIMENSIONS);
    char **labels = AIMEM_ARENA_ARRAY(&m->arena, char *, count);
    uint64_t *ids = AIMEM_ARENA_ARRAY(&m->arena, uint64_t, count);
    aimem_result r = AIMEM_OK;
    size_t i;
    if (vectors == NULL || labels == NULL || ids == NULL) r = AIMEM_ERR_NOMEM;
    for (i = 0; i < count && r == AIMEM_OK; i++) {
        ids[i] = id + i;
        labels[i] = passage_label(&m->arena, m->by_id[id + i]);
        if (labels[i] == NULL) r = AIMEM_ERR_NOMEM;
    }
    if (r == AIMEM_OK) {
        embed_passages(&m->embed, m->by_id[id], count, headings, vectors);
        r = aimem_vec_add_batch(m->vec, count, ids, (const char *const *)labels, vectors, NULL);
    }
    aimem_arena_rewind(&m->arena, mark);
    return r;
}

/* Counts and embeds every passage anew. The weights depend on all texts together; so no score
   depends on the order in which they were added. The price is that each change costs the time of
   adding everything: about 0.1 s for each megabyte of text. */
static aimem_result memory_embed(memory *m, bool headings) {
    aimem_result r = memory_number(m);
    uint32_t id, count;
    if (r != AIMEM_OK) return r;
    memset(m->embed.df, 0, BUCKETS * sizeof *m->embed.df);
    memset(m->embed.seen, 0, BUCKETS * sizeof *m->embed.seen);
    m->embed.counted = 0;
    for (id = 0; id < m->passages; id++) {
        words_of_passage(&m->embed, m->by_id[id], headings);
        count_features(&m->embed);
    }
    aimem_vec_clear(m->vec);
    r = aimem_vec_reserve(m->vec, m->passages);
    for (id = 0; id < m->passages && r == AIMEM_OK; id += count) {
        for (count = 1; count < SECTION_GROUP && id + count < m->passages; count++) {
            if (m->by_id[id + count]->section != m->by_id[id]->section) break;
        }
        r = memory_embed_group(m, id, count, headings);
    }
    return r;
}

/* ---- writing --------------------------------------------------------------------------------- */

/* A file that is written or read, with the checksum and size of what went through. */
typedef struct disk {
    FILE *file;
    uint64_t hash, size;
    bool failed;
} disk;

/* The checksum: FNV-1a of 64 bits. Each step maps different states to different states, so no
   change of a single byte goes unseen. */
static uint64_t checksum(uint64_t hash, const unsigned char *p, size_t size) {
    size_t i;
    for (i = 0; i < size; i++) hash = (hash ^ p[i]) * 0x100000001B3u;
    return hash;
}

static void disk_init(disk *d, FILE *file) {
    memset(d, 0, sizeof *d);
    d->file = file;
    d->hash = CHECKSUM_START;
}

static void put_bytes(disk *d, const void *bytes, size_t size) {
    if (size > 0 && fwrite(bytes, 1, size, d->file) != size) d->failed = true;
    d->hash = checksum(d->hash, (const unsigned char *)bytes, size);
    d->size += size;
}

static void put_number(disk *d, uint64_t x) {
    unsigned char bytes[10];
    size_t n = 0;
    do {
        bytes[n++] = (unsigned char)((x & 127) | (x > 127 ? 128 : 0));
        x >>= 7;
    } while (x != 0);
    put_bytes(d, bytes, n);
}

static void put_text(disk *d, span text) {
    put_number(d, text.size);
    put_bytes(d, text.at, text.size);
}

static void body_write(disk *d, const memory *m) {
    const source *s;
    const section *sec;
    const passage *p;
    size_t i;
    for (i = 0; i < BUCKETS; i++) put_number(d, m->embed.df[i]);
    for (s = m->first; s != NULL; s = s->next) {
        put_text(d, s->name);
        put_number(d, s->sections);
        for (sec = s->first; sec != NULL; sec = sec->next) {
            put_text(d, sec->path);
            put_number(d, sec->line);
            put_number(d, sec->count);
            for (p = sec->first; p != NULL; p = p->next) {
                put_number(d, p->line);
                put_text(d, p->text);
            }
        }
    }
}

static void store_number(unsigned char *to, uint64_t x, size_t size) {
    size_t i;
    for (i = 0; i < size; i++) to[i] = (unsigned char)(x >> (8 * i) & 255);
}

static uint64_t load_number(const unsigned char *from, size_t size) {
    uint64_t x = 0;
    size_t i;
    for (i = 0; i < size; i++) x |= (uint64_t)from[i] << (8 * i);
    return x;
}

/*   0 magic   8 version   12 dimensions   16 sources   20 passages   24 zero
 *  32 size of the body   40 checksum of the body   48 checksum of these 48 bytes */
static void header_write(unsigned char *h, const memory *m, const disk *body) {
    memset(h, 0, HEADER_SIZE);
    memcpy(h, FILE_MAGIC, 8);
    store_number(h + 8, FILE_VERSION, 4);
    store_number(h + 12, DIMENSIONS, 4);
    store_number(h + 16, m->sources, 4);
    store_number(h + 20, m->passages, 4);
    store_number(h + 32, body->size, 8);
    store_number(h + 40, body->hash, 8);
    store_number(h + 48, checksum(CHECKSUM_START, h, 48), 8);
}

static aimem_result stream_write(void *user_data, const void *src, size_t size) {
    return fwrite(src, 1, size, (FILE *)user_data) == size ? AIMEM_OK : AIMEM_ERR_IO;
}

static aimem_result stream_read(void *user_data, void *dst, size_t size, size_t *got) {
    FILE *file = (FILE *)user_data;
    *got = fread(dst, 1, size, file);
    return *got == 0 && ferror(file) ? AIMEM_ERR_IO : AIMEM_OK;
}

static aimem_stream file_stream(FILE *file) {
    aimem_stream stream;
    stream.read_fn = stream_read;
    stream.write_fn = stream_write;
    stream.user_data = file;
    return stream;
}

/* Header (first as zeros, so that a file without its end is not taken for one), body, vectors. */
static aimem_result memory_write(const memory *m, FILE *file) {
    aimem_stream stream = file_stream(file);
    unsigned char header[HEADER_SIZE];
    aimem_result r;
    disk body;
    memset(header, 0, sizeof header);
    if (fwrite(header, 1, sizeof header, file) != sizeof header) return AIMEM_ERR_IO;
    disk_init(&body, file);
    body_write(&body, m);
    if (body.failed) return AIMEM_ERR_IO;
    r = aimem_vec_save(m->vec, &stream);
    if (r != AIMEM_OK) return r;
    header_write(header, m, &body);
    if (fseek(file, 0, SEEK_SET) != 0) return AIMEM_ERR_IO;
    if (fwrite(header, 1, sizeof header, file) != sizeof header) return AIMEM_ERR_IO;
    return fflush(file) == 0 ? AIMEM_OK : AIMEM_ERR_IO;
}

/* Saves to path, through path + ".tmp". On failure the file at path is as it was; errno tells more
   about AIMEM_ERR_IO. The C library cannot force bytes to the medium: against a loss of power
   aimem_vec_save_file, which does, would be the call for a collection alone. */
static aimem_result memory_save(memory *m, const char *path) {
    char *temporary = aimem_arena_concat(&m->arena, path, ".tmp");
    aimem_result r;
    FILE *file;
    int error;
    if (temporary == NULL) return AIMEM_ERR_NOMEM;
    errno = 0;
    file = fopen(temporary, "wb");
    if (file == NULL) return AIMEM_ERR_IO;
    r = memory_write(m, file);
    error = errno;
    if (fclose(file) != 0 && r == AIMEM_OK) {
        r = AIMEM_ERR_IO;
        error = errno;
    }
#ifdef _WIN32
    if (r == AIMEM_OK) (void)remove(path); /* rename does not replace a file there */
#endif
    if (r == AIMEM_OK && rename(temporary, path) != 0) {
        r = AIMEM_ERR_IO;
        error = errno;
    } else if (r != AIMEM_OK) {
        (void)remove(temporary);
    }
    errno = error;
    return r;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* The body of a file, read from front to back; damaged once something does not fit. */
typedef struct cursor {
    const unsigned char *at, *end;
    bool damaged;
} cursor;

static uint64_t get_number(cursor *c) {
    uint64_t x = 0;
    unsigned shift;
    for (shift = 0; shift < 63 && c->at < c->end; shift += 7) {
        unsigned char byte = *c->at++;
        x |= (uint64_t)(byte & 127) << shift;
        if (byte < 128) return x;
    }
    c->damaged = true;
    return 0;
}

static uint32_t get_u32(cursor *c) {
    uint64_t x = get_number(c);
    if (x > UINT32_MAX) c->damaged = true;
    return c->damaged ? 0 : (uint32_t)x;
}

/* A text; it stays in the body, which is in the arena. */
static span get_text(cursor *c) {
    span s;
    uint64_t size = get_number(c);
    if (size > (uint64_t)(c->end - c->at)) c->damaged = true;
    s.size = c->damaged ? 0 : (size_t)size;
    s.at = (const char *)c->at;
    c->at += s.size;
    return s;
}

/* One passage at the end of a section. False: out of memory. */
static bool passage_read(cursor *c, aimem_arena *arena, section *sec) {
    passage *p = AIMEM_ARENA_NEW(arena, passage);
    if (p == NULL) return false;
    p->section = sec;
    p->line = get_u32(c);
    p->text = get_text(c);
    if (sec->last != NULL)
        sec->last->next = p;
    else
        sec->first = p;
    sec->last = p;
    sec->source->passages++;
    sec->source->bytes += p->text.size;
    return true;
}

/* One section with its passages at the end of a source. False: out of memory. */
static bool section_read(cursor *c, aimem_arena *arena, source *s) {
    section *sec = AIMEM_ARENA_NEW(arena, section);
    uint32_t i;
    if (sec == NULL) return false;
    sec->source = s;
    sec->path = get_text(c);
    sec->line = get_u32(c);
    sec->count = get_u32(c);
    if (sec->count == 0) c->damaged = true;
    if (s->last != NULL)
        s->last->next = sec;
    else
        s->first = sec;
    s->last = sec;
    for (i = 0; i < sec->count && !c->damaged; i++) {
        if (!passage_read(c, arena, sec)) return false;
    }
    return true;
}

/* Frequencies and sources from the body, which must end where they end. */
static aimem_result body_read(memory *m, cursor *c, uint32_t sources, uint32_t passages) {
    uint32_t i, j;
    for (i = 0; i < BUCKETS && !c->damaged; i++) m->embed.df[i] = get_u32(c);
    m->embed.counted = passages;
    for (i = 0; i < sources && !c->damaged; i++) {
        source *s = AIMEM_ARENA_NEW(&m->arena, source);
        if (s == NULL) return AIMEM_ERR_NOMEM;
        s->name = get_text(c);
        s->sections = get_u32(c);
        for (j = 0; j < s->sections && !c->damaged; j++) {
            if (!section_read(c, &m->arena, s)) return AIMEM_ERR_NOMEM;
        }
        memory_attach(m, s);
    }
    if (c->damaged || c->at != c->end || m->passages != passages) return AIMEM_ERR_CORRUPT;
    return memory_number(m);
}

/* False: size bytes are certainly more than the file still has. (A long may be too short for the
   size of the file; then nothing is certain.) */
static bool may_have(FILE *file, uint64_t size) {
    long here = ftell(file), end;
    if (here < 0 || fseek(file, 0, SEEK_END) != 0) return true;
    end = ftell(file);
    if (fseek(file, here, SEEK_SET) != 0) return false;
    return end < 0 || size <= (uint64_t)(end - here);
}

/* size bytes into the arena, unless the file ends before. */
static aimem_result bytes_read(memory *m, FILE *file, uint64_t size, unsigned char **out) {
    if (size > SIZE_MAX || !may_have(file, size)) return AIMEM_ERR_CORRUPT;
    *out = (unsigned char *)aimem_arena_push(&m->arena, (size_t)size, 1);
    if (*out == NULL) return AIMEM_ERR_NOMEM;
    if (fread(*out, 1, (size_t)size, file) == (size_t)size) return AIMEM_OK;
    return ferror(file) ? AIMEM_ERR_IO : AIMEM_ERR_CORRUPT;
}

/* The collection, which must be the one that belongs to the passages. */
static aimem_result vectors_read(memory *m, FILE *file) {
    aimem_stream stream = file_stream(file);
    aimem_vec *vec = NULL;
    aimem_vec_info info;
    aimem_vec_row row;
    uint64_t at = 0;
    aimem_result r = aimem_vec_load(NULL, &stream, &vec);
    if (r != AIMEM_OK) return r;
    aimem_vec_destroy(m->vec);
    m->vec = vec;
    aimem_vec_stats(vec, &info);
    if (info.dim != DIMENSIONS || info.metric != AIMEM_VEC_IP || info.count != m->passages) {
        return AIMEM_ERR_CORRUPT;
    }
    while (aimem_vec_next(vec, &at, &row)) {
        if (row.id >= m->passages) return AIMEM_ERR_CORRUPT; /* else each has one: ids differ */
    }
    return fgetc(file) == EOF ? AIMEM_OK : AIMEM_ERR_CORRUPT;
}

static aimem_result memory_read(memory *m, FILE *file) {
    unsigned char *header, *body;
    cursor c;
    aimem_result r = bytes_read(m, file, HEADER_SIZE, &header);
    if (r != AIMEM_OK) return r;
    if (memcmp(header, FILE_MAGIC, 8) != 0) return AIMEM_ERR_CORRUPT;
    if (load_number(header + 48, 8) != checksum(CHECKSUM_START, header, 48)) {
        return AIMEM_ERR_CORRUPT;
    }
    if (load_number(header + 8, 4) != FILE_VERSION) return AIMEM_ERR_VERSION;
    if (load_number(header + 12, 4) != DIMENSIONS) return AIMEM_ERR_VERSION;
    r = bytes_read(m, file, load_number(header + 32, 8), &body);
    if (r != AIMEM_OK) return r;
    c.at = body;
    c.end = body + load_number(header + 32, 8);
    c.damaged = false;
    if (load_number(header + 40, 8) != checksum(CHECKSUM_START, body, (size_t)(c.end - body))) {
        return AIMEM_ERR_CORRUPT;
    }
    r = body_read(m, &c, (uint32_t)load_number(header + 16, 4),
                  (uint32_t)load_number(header + 20, 4));
    return r == AIMEM_OK ? vectors_read(m, file) : r;
}

/* Fills an empty memory (memory_init) from its file. NOT_FOUND: there is none, and the memory stays
   empty. CORRUPT, VERSION, NOMEM, IO (errno tells more): it holds nothing of use. */
static aimem_result memory_load(memory *m, const char *path) {
    aimem_result r;
    FILE *file;
    errno = 0;
    file = fopen(path, "rb");
    if (file == NULL) return errno == ENOENT ? AIMEM_ERR_NOT_FOUND : AIMEM_ERR_IO;
    r = memory_read(m, file);
    (void)fclose(file);
    return r;
}

#endif
