/* recall: a long-term memory for text, in one file, without a model. An example for aimem_pool.h
 * (an arena holds the texts) and aimem_vec.h (a collection of vectors finds them again).
 *
 *   recall [-m FILE] add FILE...      remember text files: Markdown, plain text
 *   recall [-m FILE] ask QUESTION     the best passages for a question; -k N: how many
 *   recall [-m FILE] stats            what is remembered, and what it costs
 *   recall [-m FILE] forget SOURCE    forget one file
 *   recall eval FILE...               how good it is on these texts
 *
 * Build:  cc -std=c11 -O2 -I. examples/recall.c -o recall -lm
 *
 * The idea. A text is cut into passages of a few sentences, under their headings (recall/text.h).
 * Each passage becomes a vector of 512 numbers, made of its words and the pieces of its words by
 * hashing, rare ones with more weight (recall/embed.h has the literature). A question becomes a
 * vector in the same way, and the passages whose vectors point in its direction are near it: the
 * vector space model of Salton, Wong and Yang, 1975, with pieces of words in place of a stemmer.
 * The words themselves decide among the nearest (recall/rank.h). So "how do I grow a tomato" finds
 * "Tomatoes are grown from seed", in any language with an alphabet; what it cannot see is that
 * "car" and "automobile" are one. The memory lies in one file (recall/memory.h) that is replaced
 * whole by each change, and refused when a single byte of it is wrong. recall/eval.h measures;
 * recall/print.h prints.
 *
 * Exit codes: 0 done; 1 something was skipped or not found; 2 wrong use; 3 the memory file is
 * damaged or of another version; 4 out of memory, or a file could not be read or written.
 */
#define AIMEM_POOL_IMPLEMENTATION
#include "aimem_pool.h"
#define AIMEM_VEC_IMPLEMENTATION
#include "aimem_vec.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "recall/eval.h"
#include "recall/memory.h"
#include "recall/print.h"
#include "recall/rank.h"

enum { EXIT_SKIPPED = 1, EXIT_USAGE = 2, EXIT_DAMAGED = 3, EXIT_BROKEN = 4 };
enum { ANSWERS = 3, ANSWERS_MAX = 1000 };
static const uint64_t FILE_LIMIT = 256u << 20; /* bytes of one text */
static const float CHANCE = 0.15f; /* what the best of some thousand unrelated passages reaches */

typedef struct options {
    const char *memory;
    size_t answers;
    char **words; /* the command and what belongs to it */
    int count;
} options;

static double seconds_since(clock_t start) {
    return (double)(clock() - start) / (double)CLOCKS_PER_SEC;
}

static span span_of(const char *text) {
    span s;
    s.at = text;
    s.size = strlen(text);
    return s;
}

/* ---- what went wrong ------------------------------------------------------------------------- */

/* Says why the memory in path is not used or not written, and returns the exit code. */
static int report(aimem_result r, const char *path) {
    int error = errno;
    if (r == AIMEM_ERR_NOT_FOUND) {
        fprintf(stderr, "recall: there is no memory in %s yet; recall add FILE... makes one\n",
                path);
        return EXIT_SKIPPED;
    }
    if (r == AIMEM_ERR_CORRUPT || r == AIMEM_ERR_VERSION) {
        fprintf(stderr,
                "recall: %s is %s.\n"
                "        It was left as it is. Bring back a copy of it, or start a new memory:\n"
                "        mv %s %s.damaged\n",
                path,
                r == AIMEM_ERR_CORRUPT ? "damaged, or no memory of this program"
                                       : "a memory of another version of this program",
                path, path);
        return EXIT_DAMAGED;
    }
    fprintf(stderr, "recall: %s: %s\n", path,
            r == AIMEM_ERR_IO && error != 0 ? strerror(error) : aimem_result_string(r));
    return EXIT_BROKEN;
}

static int usage(FILE *out) {
    fputs("recall: a long-term memory for text\n\n"
          "  recall [-m FILE] add FILE...      remember text files (Markdown, plain text)\n"
          "  recall [-m FILE] ask QUESTION     the best passages; -k N: how many (3)\n"
          "  recall [-m FILE] stats            what is remembered, and what it costs\n"
          "  recall [-m FILE] forget SOURCE    forget one file\n"
          "  recall eval FILE...               how good it is on these texts: every heading is\n"
          "                                    a question, its section the answer\n\n"
          "  -m FILE: the memory file (recall.mem)      --: no options behind it\n",
          out);
    return out == stdout ? 0 : EXIT_USAGE;
}

/* ---- text files ------------------------------------------------------------------------------ */

/* The size of a file that can tell it; 0: it cannot (a pipe). Leaves it at its start. */
static uint64_t file_size(FILE *file) {
    long size;
    if (fseek(file, 0, SEEK_END) != 0) return 0;
    size = ftell(file);
    rewind(file);
    return size > 0 ? (uint64_t)size : 0;
}

/* All bytes of a file into the arena. NULL, or the reason why not. */
static const char *bytes_of_file(aimem_arena *arena, FILE *file, span *out) {
    uint64_t known = file_size(file);
    size_t room = 65536, size = 0, wider, got;
    char *bytes = (char *)aimem_arena_push(arena, room, 1), *more;
    if (bytes == NULL) return "out of memory";
    errno = 0;
    while ((got = fread(bytes + size, 1, room - size, file)) > 0) {
        size += got;
        if (size > FILE_LIMIT || known > FILE_LIMIT) return "larger than 256 MiB";
        if (size < room) continue;
        wider = known >= room ? (size_t)known + 1 : room * 2;
        more = (char *)aimem_arena_resize(arena, bytes, room, wider, 1);
        if (more == NULL) return "out of memory";
        bytes = more;
        room = wider;
    }
    if (ferror(file)) return errno != 0 ? strerror(errno) : "cannot be read";
    (void)aimem_arena_resize(arena, bytes, room, size, 1);
    out->at = bytes;
    out->size = size;
    return NULL;
}

/* The clean text of a file, in the arena. NULL, or the reason why not. *bad: bytes that were not
   UTF-8. */
static const char *text_of_file(aimem_arena *arena, const char *path, span *text, size_t *bad) {
    const char *why;
    FILE *file;
    text->size = 0;
    errno = 0;
    file = fopen(path, "rb");
    if (file == NULL) return errno != 0 ? strerror(errno) : "cannot be opened";
    why = bytes_of_file(arena, file, text);
    (void)fclose(file);
    if (why != NULL) return why;
    if (text->size == 0) return "empty";
    if (memchr(text->at, 0, text->size) != NULL) return "binary: it has NUL bytes";
    *bad = text_clean((char *)(uintptr_t)text->at, &text->size);
    return *bad > text->size / 4 ? "binary: it is not text in UTF-8" : NULL;
}

/* A source with the passages of one file, in the arena. NULL, or the reason why not; then the arena
   is as it was. */
static const char *source_of_file(aimem_arena *arena, const char *path, source **out, size_t *bad) {
    aimem_arena_mark mark = aimem_arena_save(arena);
    source *s = AIMEM_ARENA_NEW(arena, source);
    char *name = aimem_arena_strdup(arena, path);
    const char *why = NULL;
    span text;
    if (s == NULL || name == NULL) why = "out of memory";
    if (why == NULL) why = text_of_file(arena, path, &text, bad);
    if (why == NULL) {
        s->name = span_of(name);
        if (!text_cut(arena, s, text))
            why = "out of memory";
        else if (s->passages == 0)
            why = "empty: it has no text but headings";
    }
    if (why != NULL)
        aimem_arena_rewind(arena, mark);
    else
        *out = s;
    return why;
}

/* Adds files to the sources, each in place of what was known of it; quiet: without a line for each.
   Returns how many were added. */
static int add_files(memory *m, char **paths, int count, bool quiet) {
    int added = 0, i;
    for (i = 0; i < count; i++) {
        source *s = NULL, *old;
        size_t bad = 0;
        const char *why = source_of_file(&m->arena, paths[i], &s, &bad);
        if (why != NULL) {
            fprintf(stderr, "recall: skipped %s: %s\n", paths[i], why);
            continue;
        }
        old = memory_forget(m, s->name);
        memory_attach(m, s);
        added++;
        if (bad > 0) {
            fprintf(stderr, "recall: %s: %lu bytes are not UTF-8 and became '?'\n", paths[i],
                    (unsigned long)bad);
        }
        if (quiet) continue;
        printf("%7u passages  ", (unsigned)s->passages);
        print_text(stdout, s->name);
        if (old != NULL) printf("  (in place of %u)", (unsigned)old->passages);
        putchar('\n');
    }
    return added;
}

/* ---- commands -------------------------------------------------------------------------------- */

static void print_totals(const memory *m, const char *path) {
    char text[16];
    printf("%u passages of %u sources, %s of text, in %s", (unsigned)m->passages,
           (unsigned)m->sources, size_text(text, m->bytes), path);
}

static int command_add(memory *m, const options *o) {
    clock_t start = clock();
    aimem_result r;
    int added;
    if (o->count < 2) return usage(stderr);
    r = memory_load(m, o->memory);
    if (r != AIMEM_OK && r != AIMEM_ERR_NOT_FOUND) return report(r, o->memory);
    added = add_files(m, o->words + 1, o->count - 1, false);
    if (added > 0) {
        r = memory_embed(m, true);
        if (r == AIMEM_OK) r = memory_save(m, o->memory);
        if (r != AIMEM_OK) return report(r, o->memory);
        print_totals(m, o->memory);
        printf(" (%.2f s)\n", seconds_since(start));
    }
    if (added < o->count - 1) {
        fprintf(stderr, "recall: %d of %d files were added\n", added, o->count - 1);
    }
    return added == o->count - 1 ? 0 : EXIT_SKIPPED;
}

/* The words of a command from the first on, as one text. NULL: out of memory. */
static char *join_words(aimem_arena *arena, const options *o, int first) {
    char *text = aimem_arena_strdup(arena, first < o->count ? o->words[first] : "");
    int i;
    for (i = first + 1; i < o->count && text != NULL; i++) {
        text = aimem_arena_concat(arena, text, " ");
        if (text != NULL) text = aimem_arena_concat(arena, text, o->words[i]);
    }
    return text;
}

static void print_answers(const memory *m, const answer *answers, size_t count) {
    printer pr;
    size_t i;
    printer_init(&pr, &m->embed);
    for (i = 0; i < count && answers[i].score > 0; i++) {
        const section *sec = answers[i].at->section;
        printf("%2u  %.2f  ", (unsigned)(i + 1), (double)answers[i].score);
        if (pr.colour) fputs("\033[1m", stdout);
        print_text(stdout, sec->source->name);
        printf(":%u", (unsigned)answers[i].at->line);
        if (pr.colour) fputs("\033[0m", stdout);
        if (sec->path.size > 0) fputs("  ", stdout);
        print_text(stdout, sec->path);
        fputs("\n\n", stdout);
        print_passage(&pr, answers[i].at->text);
    }
    if (count == 0 || answers[0].score < CHANCE) {
        printf("Nothing here is clearly about that: chance alone gives up to %.2f.\n",
               (double)CHANCE);
    }
}

/* The words of the command line become those of the embedder. INVALID: there are none. */
static aimem_result question_of(memory *m, const options *o) {
    char *text = join_words(&m->arena, o, 1);
    span clean;
    if (text == NULL) return AIMEM_ERR_NOMEM;
    clean.at = text;
    clean.size = strlen(text);
    (void)text_clean(text, &clean.size);
    words_of_question(&m->embed, clean);
    return m->embed.word_count > 0 ? AIMEM_OK : AIMEM_ERR_INVALID;
}

static int command_ask(memory *m, const options *o) {
    clock_t start = clock(), loaded;
    answer *answers;
    double search;
    size_t count;
    aimem_result r = question_of(m, o);
    if (r == AIMEM_ERR_INVALID) {
        fputs("recall: the question has no words\n", stderr);
        return EXIT_USAGE;
    }
    if (r == AIMEM_OK) r = memory_load(m, o->memory);
    if (r != AIMEM_OK) return report(r, o->memory);
    loaded = clock();
    answers = AIMEM_ARENA_ARRAY(&m->arena, answer, o->answers);
    if (answers == NULL) return report(AIMEM_ERR_NOMEM, o->memory);
    r = memory_ask(m, o->answers, true, answers, &count);
    if (r != AIMEM_OK) return report(r, o->memory);
    search = seconds_since(loaded);
    print_answers(m, answers, count);
    printf("%u passages searched in %.1f ms (%.1f ms with reading %s)\n", (unsigned)m->passages,
           search * 1e3, seconds_since(start) * 1e3, o->memory);
    return count > 0 ? 0 : EXIT_SKIPPED;
}

static uint64_t size_on_disk(const char *path) {
    FILE *file = fopen(path, "rb");
    uint64_t size = file != NULL ? file_size(file) : 0;
    if (file != NULL) (void)fclose(file);
    return size;
}

static int command_stats(memory *m, const options *o) {
    char text[16], label[16];
    aimem_arena_info arena;
    aimem_vec_info vec;
    const source *s;
    aimem_result r = memory_load(m, o->memory);
    if (r != AIMEM_OK) return report(r, o->memory);
    aimem_arena_stats(&m->arena, &arena);
    aimem_vec_stats(m->vec, &vec);
    print_totals(m, o->memory);
    printf("\n  file     %10s\n", size_text(text, size_on_disk(o->memory)));
    printf("  vectors  %10s of memory, %u dimensions, %.0f bytes each\n",
           size_text(text, vec.bytes), (unsigned)vec.dim, (double)vec.bytes_per_row);
    printf("  texts    %10s of memory in the arena (%s reserved)\n", size_text(text, arena.used),
           size_text(label, arena.reserved));
    if (m->first != NULL) printf("\n  passages       text  source\n");
    for (s = m->first; s != NULL; s = s->next) {
        printf("%10u %10s  ", (unsigned)s->passages, size_text(text, s->bytes));
        print_text(stdout, s->name);
        putchar('\n');
    }
    return 0;
}

static int command_forget(memory *m, const options *o) {
    const source *s;
    aimem_result r;
    if (o->count != 2) return usage(stderr);
    r = memory_load(m, o->memory);
    if (r != AIMEM_OK) return report(r, o->memory);
    s = memory_forget(m, span_of(o->words[1]));
    if (s == NULL) {
        fprintf(stderr, "recall: %s has no source %s; recall stats lists them\n", o->memory,
                o->words[1]);
        return EXIT_SKIPPED;
    }
    r = memory_embed(m, true);
    if (r == AIMEM_OK) r = memory_save(m, o->memory);
    if (r != AIMEM_OK) return report(r, o->memory);
    printf("forgot %u passages of %s\n", (unsigned)s->passages, o->words[1]);
    print_totals(m, o->memory);
    putchar('\n');
    return 0;
}

static void print_tally(const char *name, const tally *t, uint32_t questions, const char *note) {
    double percent = 100.0 / (questions > 0 ? questions : 1);
    printf("  %-14s %5.1f %%  %5.1f %%%s\n", name, t->hit1 * percent, t->hit5 * percent, note);
}

static int command_eval(memory *m, const options *o) {
    clock_t start = clock();
    char text[16];
    evaluation ev;
    aimem_result r;
    int added;
    if (o->count < 2) return usage(stderr);
    added = add_files(m, o->words + 1, o->count - 1, true);
    r = memory_embed(m, false);
    if (r == AIMEM_OK) r = evaluate(m, &ev);
    if (r != AIMEM_OK) return report(r, "eval");
    printf("%u questions to %u passages (%s of text): each heading asks for its own section\n\n",
           (unsigned)ev.questions, (unsigned)m->passages, size_text(text, m->bytes));
    printf("                   hit@1    hit@5\n");
    print_tally("recall", &ev.recall, ev.questions, "");
    print_tally("shared words", &ev.counting, ev.questions, "  counting, for comparison");
    printf("\n  headings left out: %u with under %u bytes of text, %u that occur more than once,\n"
           "  %u without a letter; no heading is part of an answer here (%.2f s)\n",
           (unsigned)ev.too_short, (unsigned)ANSWER_MIN, (unsigned)ev.repeated,
           (unsigned)ev.wordless, seconds_since(start));
    if (ev.questions == 0) {
        fputs("recall: no heading with text under it, so nothing was measured\n", stderr);
        return EXIT_SKIPPED;
    }
    return added == o->count - 1 ? 0 : EXIT_SKIPPED;
}

/* ---- the command line ------------------------------------------------------------------------ */

/* Sorts options from words, wherever they stand; false: they make no sense. */
static bool options_read(options *o, int argc, char **argv) {
    bool open = true;
    int i;
    o->memory = "recall.mem";
    o->answers = ANSWERS;
    o->words = argv;
    o->count = 0;
    for (i = 1; i < argc; i++) {
        char *arg = argv[i];
        if (!open || arg[0] != '-' || arg[1] == '\0') {
            o->words[o->count++] = arg;
        } else if (strcmp(arg, "--") == 0) {
            open = false;
        } else if (i + 1 < argc && strcmp(arg, "-m") == 0) {
            o->memory = argv[++i];
        } else if (i + 1 < argc && strcmp(arg, "-k") == 0) {
            char *end;
            long k = strtol(argv[++i], &end, 10);
            if (*end != '\0' || k < 1 || k > ANSWERS_MAX) return false;
            o->answers = (size_t)k;
        } else if (strcmp(arg, "-h") == 0 || strcmp(arg, "--help") == 0) {
            static char help[] = "help";
            o->words[0] = help;
            o->count = 1;
            return true;
        } else {
            return false;
        }
    }
    return o->count > 0 && o->memory[0] != '\0';
}

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        int (*run)(memory *m, const options *o);
    } commands[] = {{"add", command_add},
                    {"ask", command_ask},
                    {"stats", command_stats},
                    {"forget", command_forget},
                    {"eval", command_eval}};
    options o;
    memory m;
    aimem_result r;
    size_t i;
    int code = EXIT_USAGE;
    if (!options_read(&o, argc, argv)) return usage(stderr);
    if (strcmp(o.words[0], "help") == 0) return usage(stdout);
    for (i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(o.words[0], commands[i].name) != 0) continue;
        r = memory_init(&m);
        code = r == AIMEM_OK ? commands[i].run(&m, &o) : report(r, o.memory);
        memory_deinit(&m);
        if (fflush(stdout) != 0 && code == 0) code = EXIT_BROKEN;
        return code;
    }
    fprintf(stderr, "recall: there is no command %s\n\n", o.words[0]);
    return usage(stderr);
}
