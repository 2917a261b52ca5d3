/* recall/text.h: a text file cut into sections and passages.
 *
 *   source "guide.md" -> section "Guide > Setup" -> passage (line 12) -> passage (line 19) ...
 *                     -> section "Guide > Usage" -> passage (line 30) ...
 *
 * A section is the text between one heading and the next, of any level; it carries the path of the
 * headings above it. A passage is what an answer shows: whole paragraphs of one section, about 400
 * to 900 bytes, cut inside a paragraph (at the end of a sentence, if there is one) only where that
 * is longer. All records lie in the caller's arena and point into the text, which is not copied.
 */
#ifndef RECALL_TEXT_H
#define RECALL_TEXT_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
    PASSAGE_MIN = 400,  /* a passage that has this much is closed at the end of its paragraph */
    PASSAGE_MAX = 900,  /* and never grows beyond this */
    PASSAGE_TAIL = 120, /* what is left at the end of a section joins the passage before it */
    HEADING_MAX = 160   /* a longer line is text, whatever it starts with */
};

/* A piece of text that something else owns; no NUL at its end. */
typedef struct span {
    const char *at;
    size_t size;
} span;

typedef struct passage {
    struct passage *next; /* in the order of the text */
    struct section *section;
    span text;
    uint32_t line; /* of its first byte, from 1 */
    uint32_t part; /* 1, or n for the n-th passage that starts in this line; see memory.h */
} passage;

typedef struct section {
    struct section *next;
    struct source *source;
    span path;  /* "Guide > Setup"; empty before the first heading */
    span title; /* the last part of path */
    uint32_t line;
    uint32_t count; /* passages, never 0 */
    passage *first, *last;
} section;

typedef struct source {
    struct source *next;
    span name;
    uint32_t sections, passages;
    uint64_t bytes; /* of all its passages */
    section *first, *last;
} source;

/* ---- bytes to clean text --------------------------------------------------------------------- */

/* The bytes of the UTF-8 character at p, which is before end; 0 when it is not valid (Unicode 15,
   table 3-7: no overlong forms, no surrogates, nothing above U+10FFFF). */
static size_t utf8_size(const unsigned char *p, const unsigned char *end) {
    size_t size = p[0] < 0x80 ? 1 : p[0] < 0xC2 ? 0 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    size_t i;
    if (size == 0 || p[0] > 0xF4 || (size_t)(end - p) < size) return 0;
    for (i = 1; i < size; i++) {
        if ((p[i] & 0xC0) != 0x80) return 0;
    }
    if ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F)) return 0;
    if ((p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F)) return 0;
    return size;
}

/* Makes text safe to keep and to print, in place: CR LF becomes LF, other control bytes (a terminal
   would obey some of them) become spaces, bytes that are not UTF-8 become '?', a byte order mark
   goes. *size becomes the new size; the result is the number of bytes that were not UTF-8. */
static size_t text_clean(char *text, size_t *size) {
    const unsigned char *in = (const unsigned char *)text, *end = in + *size;
    char *out = text;
    size_t bad = 0, n;
    if (*size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) in += 3;
    while (in < end) {
        n = utf8_size(in, end);
        if (n == 0) {
            *out++ = '?';
            bad++;
            in++;
        } else if (n > 1) {
            memmove(out, in, n);
            out += n;
            in += n;
        } else if (*in == '\r' && end - in > 1 && in[1] == '\n') {
            in++;
        } else {
            *out++ = (*in < 32 && *in != '\n' && *in != '\t') || *in == 127 ? ' ' : (char)*in;
            in++;
        }
    }
    *size = (size_t)(out - text);
    return bad;
}

/* ---- the state of the cutter ----------------------------------------------------------------- */

typedef struct cutter {
    aimem_arena *arena;
    source *src;
    section *sec;        /* the one that takes passages; NULL before the first line */
    span heading[6];     /* the headings in force, by level */
    const char *passage; /* the open passage: whole blocks; NULL: none */
    const char *passage_end;
    uint32_t passage_line;
    const char *block; /* the open paragraph, list or code block; NULL: none */
    const char *block_end;
    uint32_t block_line, block_lines;
    char fence;      /* '`' or '~' inside a fenced code block, else 0 */
    bool out_of_mem; /* the arena gave nothing; the rest of the text is passed over */
} cutter;

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n';
}

static span span_trim(span s) {
    while (s.size > 0 && is_blank(s.at[0])) {
        s.at++;
        s.size--;
    }
    while (s.size > 0 && is_blank(s.at[s.size - 1])) s.size--;
    return s;
}

static uint32_t count_lines(const char *from, const char *to) {
    uint32_t lines = 0;
    for (; from < to; from++) lines += *from == '\n';
    return lines;
}

/* ---- passages -------------------------------------------------------------------------------- */

/* The section joins the source with its first passage, so that no section is empty. */
static void section_attach(cutter *c) {
    if (c->src->last != NULL)
        c->src->last->next = c->sec;
    else
        c->src->first = c->sec;
    c->src->last = c->sec;
    c->src->sections++;
}

/* The text from..to, which starts in the given line, becomes the last passage of the section.
   Blank space at both ends is left out; nothing but blank space is no passage. */
static void passage_add(cutter *c, const char *from, const char *to, uint32_t line) {
    passage *p;
    while (from < to && is_blank(to[-1])) to--;
    for (; from < to && *from == '\n'; from++) line++;
    if (from == to || c->out_of_mem) return;
    p = AIMEM_ARENA_NEW(c->arena, passage);
    if (p == NULL) {
        c->out_of_mem = true;
        return;
    }
    p->section = c->sec;
    p->text.at = from;
    p->text.size = (size_t)(to - from);
    p->line = line;
    if (c->sec->first == NULL) {
        section_attach(c);
        c->sec->first = p;
    } else {
        c->sec->last->next = p;
    }
    c->sec->last = p;
    c->sec->count++;
}

/* Where to cut a text that is too long: behind the last sentence that ends between the two limits,
   else behind the last line, else the last word, else between two characters. */
static const char *cut_point(const char *from, size_t low, size_t high) {
    const char *line = NULL, *word = NULL, *p;
    for (p = from + high; p > from + low; p--) {
        if (!is_blank(*p)) continue;
        if (p[-1] == '.' || p[-1] == '?' || p[-1] == '!') return p;
        if (line == NULL && *p == '\n') line = p;
        if (word == NULL) word = p;
    }
    if (line != NULL) return line;
    if (word != NULL) return word;
    p = from + high;
    while (((unsigned char)*p & 0xC0) == 0x80) p--;
    return p;
}

/* Closes the open passage. A long one is cut into parts of nearly equal size; a small rest at the
   end of a section (last) joins the passage before it. */
static void passage_close(cutter *c, bool last) {
    const char *from = c->passage, *to = c->passage_end, *cut;
    uint32_t line = c->passage_line;
    passage *before = c->sec != NULL ? c->sec->last : NULL;
    c->passage = NULL;
    if (from == NULL) return;
    if (last && before != NULL && (size_t)(to - from) < PASSAGE_TAIL) {
        before->text.size = (size_t)(to - before->text.at);
        return;
    }
    while ((size_t)(to - from) > PASSAGE_MAX) {
        size_t size = (size_t)(to - from);
        size_t high =
            size < 2 * PASSAGE_MAX - PASSAGE_MIN ? size / 2 + PASSAGE_MIN / 2 : (size_t)PASSAGE_MAX;
        cut = cut_point(from, high - PASSAGE_MIN, high);
        passage_add(c, from, cut, line);
        line += count_lines(from, cut);
        from = cut;
        while (from < to && (*from == ' ' || *from == '\t')) from++;
    }
    passage_add(c, from, to, line);
}

/* Closes the open block: it joins the open passage when both fit, else it opens the next one. */
static void block_close(cutter *c) {
    if (c->block == NULL) return;
    if (c->passage != NULL && (size_t)(c->block_end - c->passage) > PASSAGE_MAX) {
        passage_close(c, false);
    }
    if (c->passage == NULL) {
        c->passage = c->block;
        c->passage_line = c->block_line;
    }
    c->passage_end = c->block_end;
    c->block = NULL;
    if ((size_t)(c->passage_end - c->passage) >= PASSAGE_MIN) passage_close(c, false);
}

/* ---- sections -------------------------------------------------------------------------------- */

/* "Guide > Setup > Linux" from the headings in force, in the arena. */
static bool section_path(cutter *c, section *sec) {
    char *to, *path;
    size_t size = 0, i;
    for (i = 0; i < 6; i++) size += c->heading[i].size + 3;
    path = to = (char *)aimem_arena_push(c->arena, size, 1);
    if (path == NULL) return false;
    for (i = 0; i < 6; i++) {
        if (c->heading[i].size == 0) continue;
        if (to != path) {
            memcpy(to, " > ", 3);
            to += 3;
        }
        sec->title.at = to;
        sec->title.size = c->heading[i].size;
        memcpy(to, c->heading[i].at, c->heading[i].size);
        to += c->heading[i].size;
    }
    sec->path.at = path;
    sec->path.size = (size_t)(to - path);
    return true;
}

static void section_open(cutter *c, uint32_t line) {
    section *sec;
    block_close(c);
    passage_close(c, true);
    sec = AIMEM_ARENA_NEW(c->arena, section);
    if (sec == NULL || !section_path(c, sec)) {
        c->out_of_mem = true;
        return;
    }
    sec->source = c->src;
    sec->line = line;
    c->sec = sec;
}

static void heading_add(cutter *c, size_t level, span title, uint32_t line) {
    size_t i;
    for (i = level - 1; i < 6; i++) c->heading[i].size = 0;
    c->heading[level - 1] = title;
    section_open(c, line);
}

/* ---- lines ----------------------------------------------------------------------------------- */

/* The level of "## Heading ##", and its title; 0 when the line is no heading. */
static size_t atx_heading(span line, span *title) {
    size_t level = 0;
    while (level < line.size && line.at[level] == '#') level++;
    if (level < 1 || level > 6 || line.size > HEADING_MAX) return 0;
    if (level < line.size && !is_blank(line.at[level])) return 0;
    title->at = line.at + level;
    title->size = line.size - level;
    *title = span_trim(*title);
    while (title->size > 0 && title->at[title->size - 1] == '#') title->size--;
    *title = span_trim(*title);
    return title->size > 0 ? level : 0;
}

/* The level of the line above "=====" (1) or "-----" (2); 0 when this line underlines nothing. */
static size_t setext_heading(const cutter *c, span line) {
    size_t i;
    char mark = line.size >= 3 ? line.at[0] : '\0';
    if (mark != '=' && mark != '-') return 0;
    for (i = 0; i < line.size; i++) {
        if (line.at[i] != mark) return 0;
    }
    if (c->block == NULL || c->block_lines != 1 || strchr("|->*+ \t", *c->block) != NULL) return 0;
    if ((size_t)(c->block_end - c->block) > HEADING_MAX) return 0;
    return mark == '=' ? 1 : 2;
}

/* True for a line that belongs to a fenced code block, where nothing is a heading. */
static bool fence_line(cutter *c, span trimmed) {
    char mark = '\0';
    if (trimmed.size >= 3 &&
        (memcmp(trimmed.at, "```", 3) == 0 || memcmp(trimmed.at, "~~~", 3) == 0)) {
        mark = trimmed.at[0];
    }
    if (c->fence == '\0' && mark == '\0') return false;
    if (c->fence == '\0')
        c->fence = mark;
    else if (c->fence == mark)
        c->fence = '\0';
    return true;
}

/* One line, without its newline. */
static void line_add(cutter *c, span line, uint32_t number) {
    span trimmed = span_trim(line), title;
    size_t level = 0;
    if (!fence_line(c, trimmed)) {
        if (trimmed.size == 0) {
            block_close(c);
            return;
        }
        if ((level = atx_heading(line, &title)) != 0) {
            heading_add(c, level, title, number);
            return;
        }
        if ((level = setext_heading(c, trimmed)) != 0) {
            title.at = c->block;
            title.size = (size_t)(c->block_end - c->block);
            c->block = NULL;
            heading_add(c, level, span_trim(title), number - 1);
            return;
        }
    }
    if (c->sec == NULL && !c->out_of_mem) section_open(c, number);
    if (c->block == NULL) {
        c->block = line.at;
        c->block_line = number;
        c->block_lines = 0;
    }
    c->block_lines++;
    c->block_end = line.at + line.size;
}

/* Cuts clean text (text_clean) into the sections and passages of src, which is empty so far. The
   text must stay where it is as long as the passages are used. False: out of memory. O(size). */
static bool text_cut(aimem_arena *arena, source *src, span text) {
    cutter c;
    const char *at = text.at, *end = text.at + text.size;
    uint32_t number = 0;
    section *sec;
    memset(&c, 0, sizeof c);
    c.arena = arena;
    c.src = src;
    while (at < end && !c.out_of_mem) {
        const char *newline = (const char *)memchr(at, '\n', (size_t)(end - at));
        span line;
        line.at = at;
        line.size = (size_t)((newline != NULL ? newline : end) - at);
        line_add(&c, line, ++number);
        at += line.size + 1;
    }
    block_close(&c);
    passage_close(&c, true);
    for (sec = src->first; sec != NULL; sec = sec->next) {
        passage *p;
        src->passages += sec->count;
        for (p = sec->first; p != NULL; p = p->next) src->bytes += p->text.size;
    }
    return !c.out_of_mem;
}

#endif
