/* recall/print.h: passages, names and sizes on the screen.
 *
 * Prose is filled to WIDTH columns, whatever its lines were; code, tables and list items keep their
 * lines. On a terminal the words that match the question stand out.
 */
#ifndef RECALL_PRINT_H
#define RECALL_PRINT_H

#include <stdio.h>
#include <stdlib.h>

#include "rank.h"

#if defined(__unix__) || defined(__APPLE__)
#include <unistd.h>
#define STDOUT_IS_TERMINAL() (isatty(1) != 0)
#else
#define STDOUT_IS_TERMINAL() false /* plain text is right everywhere */
#endif

enum {
    WIDTH = 80,
    INDENT = 4,
    MARKED_MAX = 32 /* words of the question that are looked for */
};

typedef struct printer {
    size_t column; /* characters in the line so far; 0: not even the indent */
    bool colour;
    bool fence; /* inside a fenced code block */
    bool blank; /* an empty line is due before the next text */
    int hang;   /* what the later lines of a list item are set in by */
    uint32_t marked_count;
    word marked[MARKED_MAX];
} printer;

/* Colour on a terminal that knows it, unless the user wants none (no-color.org). */
static bool colour_wanted(void) {
    const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
    if (no_color != NULL && *no_color != '\0') return false;
    return STDOUT_IS_TERMINAL() && term != NULL && strcmp(term, "dumb") != 0;
}

/* Text from outside, without control bytes, which a terminal might obey. */
static void print_text(FILE *out, span s) {
    size_t i;
    for (i = 0; i < s.size; i++) {
        unsigned char c = (unsigned char)s.at[i];
        fputc(c < 32 || c == 127 ? ' ' : c, out);
    }
}

/* "1.3 MB": three digits say enough. text has room for 16 bytes. */
static const char *size_text(char *text, uint64_t bytes) {
    if (bytes < 10000)
        snprintf(text, 16, "%u bytes", (unsigned)bytes);
    else if (bytes < 1000000)
        snprintf(text, 16, "%u KB", (unsigned)((bytes + 500) / 1000));
    else
        snprintf(text, 16, "%.1f MB", (double)bytes / 1e6);
    return text;
}

/* ---- words that stand out -------------------------------------------------------------------- */

/* Takes the words of the question, which are in e->words, but for those that are everywhere. */
static void printer_init(printer *pr, const embedder *e) {
    uint32_t i;
    memset(pr, 0, sizeof *pr);
    pr->colour = colour_wanted();
    for (i = 0; i < e->word_count && pr->marked_count < MARKED_MAX; i++) {
        if (idf(e, e->words[i].hash) > 1.2f) pr->marked[pr->marked_count++] = e->words[i];
    }
}

static bool is_marked(const printer *pr, const word *w) {
    uint32_t i;
    for (i = 0; i < pr->marked_count; i++) {
        if (words_match(&pr->marked[i], w)) return true;
    }
    return false;
}

/* Text within one line, with its matching words in bold. */
static void print_marked(const printer *pr, span s) {
    const char *at = s.at, *end = s.at + s.size, *from = s.at;
    word w;
    span part;
    while (pr->colour && word_next(&at, end, &w)) {
        if (!is_marked(pr, &w)) continue;
        part.at = from;
        part.size = (size_t)(at - from) - w.size;
        print_text(stdout, part);
        part.at = at - w.size;
        part.size = w.size;
        fputs("\033[1;33m", stdout);
        print_text(stdout, part);
        fputs("\033[0m", stdout);
        from = at;
    }
    part.at = from;
    part.size = (size_t)(end - from);
    print_text(stdout, part);
}

/* ---- lines ----------------------------------------------------------------------------------- */

static void print_newline(printer *pr) {
    if (pr->column > 0) putchar('\n');
    pr->column = 0;
    if (pr->blank) putchar('\n');
    pr->blank = false;
}

/* One run of text without blanks, in the line if it fits, else in the next one. */
static void print_word(printer *pr, span s) {
    size_t width = 0, i;
    for (i = 0; i < s.size; i++) width += ((unsigned char)s.at[i] & 0xC0) != 0x80;
    if (pr->blank || (pr->column > 0 && pr->column + 1 + width > WIDTH)) print_newline(pr);
    if (pr->column == 0) {
        printf("%*s", INDENT + pr->hang, "");
        pr->column = (size_t)(INDENT + pr->hang);
    } else {
        putchar(' ');
        pr->column++;
    }
    print_marked(pr, s);
    pr->column += width;
}

/* A line that keeps its blanks and its length. */
static void print_verbatim(printer *pr, span line) {
    print_newline(pr);
    printf("%*s", INDENT, "");
    print_marked(pr, line);
    pr->column = INDENT + line.size;
}

static bool starts_item(span line) {
    size_t i = 0;
    if (line.size > 1 && strchr("-*+", line.at[0]) != NULL && line.at[1] == ' ') return true;
    while (i < line.size && line.at[i] >= '0' && line.at[i] <= '9') i++;
    return i > 0 && i + 1 < line.size && (line.at[i] == '.' || line.at[i] == ')') &&
           line.at[i + 1] == ' ';
}

static void print_line(printer *pr, span line) {
    span trimmed = span_trim(line), w;
    const char *end = trimmed.at + trimmed.size;
    bool fence = trimmed.size >= 3 && memcmp(trimmed.at, "```", 3) == 0;
    bool code = line.size > 4 && memcmp(line.at, "    ", 4) == 0;
    bool item = starts_item(trimmed);
    if (fence) pr->fence = !pr->fence;
    if (item || trimmed.size == 0) pr->hang = 0;
    if (trimmed.size == 0) {
        pr->blank = pr->column > 0;
    } else if (fence || pr->fence || trimmed.at[0] == '|' || (code && !item && pr->hang == 0)) {
        print_verbatim(pr, line);
    } else {
        if (item || trimmed.at[0] == '>') print_newline(pr);
        for (w.at = trimmed.at; w.at < end; w.at += w.size) {
            while (w.at < end && is_blank(*w.at)) w.at++;
            w.size = 0;
            while (w.at + w.size < end && !is_blank(w.at[w.size])) w.size++;
            if (w.size > 0) print_word(pr, w);
            if (item) pr->hang = 2;
        }
    }
}

/* A passage and an empty line behind it. */
static void print_passage(printer *pr, span text) {
    const char *at = text.at, *end = text.at + text.size;
    pr->fence = pr->blank = false;
    pr->hang = 0;
    while (at < end) {
        const char *newline = (const char *)memchr(at, '\n', (size_t)(end - at));
        span line;
        line.at = at;
        line.size = (size_t)((newline != NULL ? newline : end) - at);
        print_line(pr, line);
        at += line.size + 1;
    }
    pr->blank = true;
    print_newline(pr);
}

#endif
