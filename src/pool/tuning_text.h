/* pool/tuning_text.h: histograms and class tables as text, written and read.
 *
 *   aimem-tuning 1                            aimem-classes 1
 *   live 120                                  class 64 40 1000
 *   frees 990                                 class 256 7 90
 *   size 70 1000 66000 40                     left-out 3
 *   size 250 90 22000 7                       waste 71
 *   end                                       end
 *
 * size: the largest of a bin, requests, bytes, peak. class: size, blocks, requests. Both rise. live
 * is the peak of all. Every line is one word and its numbers; nothing may follow the end but blank
 * lines and comments.
 */
#ifndef AIMI_POOL_TUNING_TEXT_H
#define AIMI_POOL_TUNING_TEXT_H

#include "pool/tuning_table.h"

/* ---- writing ---- */

/* Counts what does not fit, and leaves it out. */
typedef struct aimi_pool_writer {
    char *text;
    size_t capacity, used;
} aimi_pool_writer;

AIMC_FN void aimi_pool_write(aimi_pool_writer *w, const char *text) {
    for (; *text != '\0'; text++, w->used++) {
        if (w->used < w->capacity) w->text[w->used] = *text;
    }
}

/* A line: a word and count numbers. */
AIMC_FN void aimi_pool_write_line(aimi_pool_writer *w, const char *word, const uint64_t *numbers,
                                  uint32_t count) {
    uint32_t i;
    aimi_pool_write(w, word);
    for (i = 0; i < count; i++) {
        char digits[22];
        size_t at = sizeof digits - 1;
        uint64_t number = numbers[i];
        digits[at] = '\0';
        do {
            digits[--at] = (char)('0' + number % 10);
            number /= 10;
        } while (number != 0);
        digits[--at] = ' ';
        aimi_pool_write(w, digits + at);
    }
    aimi_pool_write(w, "\n");
}

AIMC_FN void aimi_pool_write_one(aimi_pool_writer *w, const char *word, uint64_t number) {
    aimi_pool_write_line(w, word, &number, 1);
}

AIMC_FN aimem_result aimi_pool_write_end(aimi_pool_writer *w, size_t *needed) {
    aimi_pool_write(w, "end\n");
    *needed = w->used;
    if (w->used >= w->capacity) {
        if (w->capacity != 0) w->text[0] = '\0';
        return AIMEM_ERR_RANGE;
    }
    w->text[w->used] = '\0';
    return AIMEM_OK;
}

AIMC_FN aimi_pool_writer aimi_pool_writer_of(char *text, size_t capacity) {
    aimi_pool_writer w;
    w.text = text;
    w.capacity = text != NULL ? capacity : 0;
    w.used = 0;
    return w;
}

AIMEM_POOL_API aimem_result aimem_tuning_save(const aimem_tuning *tuning, char *text,
                                              size_t capacity, size_t *needed) {
    aimi_pool_writer w = aimi_pool_writer_of(text, capacity);
    uint32_t i;
    aimi_pool_write_one(&w, "aimem-tuning", 1);
    aimi_pool_write_one(&w, "live", tuning->peak);
    aimi_pool_write_one(&w, "frees", tuning->frees);
    for (i = 0; i < AIMI_POOL_BINS; i++) {
        const aimi_pool_bin *bin = &tuning->bins[i];
        uint64_t numbers[4];
        if (bin->requests == 0) continue;
        numbers[0] = bin->largest;
        numbers[1] = bin->requests;
        numbers[2] = bin->bytes;
        numbers[3] = bin->peak;
        aimi_pool_write_line(&w, "size", numbers, 4);
    }
    return aimi_pool_write_end(&w, needed);
}

/* Whether a table is one that classes and load can give. */
AIMC_FN bool aimi_pool_table_good(const aimem_tuning_table *t) {
    uint32_t i;
    if (t->count == 0 || t->count > AIMEM_TUNING_CLASSES_MOST) return false;
    for (i = 0; i < t->count; i++) {
        if (t->sizes[i] == 0 || t->sizes[i] > PTRDIFF_MAX || t->blocks[i] > PTRDIFF_MAX) {
            return false;
        }
        if (i != 0 && t->sizes[i] <= t->sizes[i - 1]) return false;
    }
    return true;
}

AIMEM_POOL_API aimem_result aimem_tuning_table_save(const aimem_tuning_table *table, char *text,
                                                    size_t capacity, size_t *needed) {
    aimi_pool_writer w = aimi_pool_writer_of(text, capacity);
    uint32_t i;
    *needed = 0;
    if (!aimi_pool_table_good(table)) return AIMEM_ERR_INVALID;
    aimi_pool_write_one(&w, "aimem-classes", 1);
    for (i = 0; i < table->count; i++) {
        uint64_t numbers[3];
        numbers[0] = table->sizes[i];
        numbers[1] = table->blocks[i];
        numbers[2] = table->requests[i];
        aimi_pool_write_line(&w, "class", numbers, 3);
    }
    aimi_pool_write_one(&w, "left-out", table->left_out);
    aimi_pool_write_one(&w, "waste", table->waste);
    return aimi_pool_write_end(&w, needed);
}

/* ---- reading ---- */

typedef struct aimi_pool_reader {
    const char *at, *end;
    const char *word; /* of the line read last, not ended by NUL */
    size_t word_size;
    uint64_t numbers[4];
    uint32_t count;
} aimi_pool_reader;

AIMC_FN void aimi_pool_read_space(aimi_pool_reader *r) {
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\r')) r->at++;
}

/* A number of digits alone; false when it is none, or too large. */
AIMC_FN bool aimi_pool_read_number(aimi_pool_reader *r, uint64_t *out) {
    const char *begin = r->at;
    uint64_t number = 0;
    for (; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++) {
        if (!aimc_mul_u64(number, 10, &number)) return false;
        if (!aimc_add_u64(number, (uint64_t)(*r->at - '0'), &number)) return false;
    }
    *out = number;
    return r->at != begin;
}

/* The next line that is not blank or a comment. false: it is malformed. At the end of the text the
   word is empty. A last line without a line feed is as good as one with. */
AIMC_FN bool aimi_pool_read_line(aimi_pool_reader *r) {
    for (;;) {
        aimi_pool_read_space(r);
        if (r->at < r->end && *r->at == '#') {
            while (r->at < r->end && *r->at != '\n') r->at++;
        }
        if (r->at == r->end || *r->at != '\n') break;
        r->at++;
    }
    r->word = r->at;
    while (r->at < r->end && ((*r->at >= 'a' && *r->at <= 'z') || *r->at == '-')) r->at++;
    r->word_size = (size_t)(r->at - r->word);
    for (r->count = 0;; r->count++) {
        const char *before = r->at;
        aimi_pool_read_space(r);
        if (r->at == r->end) return true;
        if (*r->at == '\n') {
            r->at++;
            return true;
        }
        if (r->at == before || r->count == 4 || r->word_size == 0) return false;
        if (!aimi_pool_read_number(r, &r->numbers[r->count])) return false;
    }
}

AIMC_FN bool aimi_pool_read_is(const aimi_pool_reader *r, const char *word, uint32_t count) {
    return r->count == count && r->word_size == strlen(word) &&
           memcmp(r->word, word, r->word_size) == 0;
}

/* The first line: what it is, and its version. */
AIMC_FN aimem_result aimi_pool_read_begin(aimi_pool_reader *r, const char *text, size_t size,
                                          const char *word) {
    memset(r, 0, sizeof *r);
    if (text == NULL) return AIMEM_ERR_CORRUPT;
    r->at = text;
    r->end = text + size;
    if (!aimi_pool_read_line(r) || !aimi_pool_read_is(r, word, 1)) return AIMEM_ERR_CORRUPT;
    return r->numbers[0] == 1 ? AIMEM_OK : AIMEM_ERR_VERSION;
}

/* After the line "end": whether nothing follows. */
AIMC_FN bool aimi_pool_read_ended(aimi_pool_reader *r) {
    return aimi_pool_read_line(r) && r->word_size == 0;
}

/* A line "size" into bin *next or a later one; false when it cannot be true. */
AIMC_FN bool aimi_pool_read_bin(const uint64_t *n, uint32_t *next, aimem_tuning *t) {
    uint64_t least, low, high;
    aimi_pool_bin *bin;
    uint32_t i;
    if (n[0] == 0 || n[1] == 0 || n[3] > n[1]) return false;
    i = aimi_pool_bin_of(n[0]);
    if (i < *next) return false;
    least = aimi_pool_bin_least(i);
    /* One is of the largest size, the others are at least of the least. */
    if (!aimc_mul_u64(n[1] - 1, least, &low) || !aimc_add_u64(low, n[0], &low)) return false;
    if (!aimc_mul_u64(n[1], n[0], &high)) high = UINT64_MAX;
    if (n[2] < low || n[2] > high) return false;
    bin = &t->bins[i];
    bin->largest = n[0];
    bin->requests = n[1];
    bin->bytes = n[2];
    bin->peak = n[3];
    *next = i + 1;
    return true;
}

AIMC_FN aimem_result aimi_pool_read_tuning(aimi_pool_reader *r, const char *text, size_t size,
                                           aimem_tuning *t) {
    aimem_result result = aimi_pool_read_begin(r, text, size, "aimem-tuning");
    uint32_t next = 0, live = 0, frees = 0;
    uint64_t requests = 0, bytes = 0, peaks = 0;
    if (result != AIMEM_OK) return result;
    while (aimi_pool_read_line(r) && r->word_size != 0) {
        if (aimi_pool_read_is(r, "live", 1) && live++ == 0) {
            t->peak = r->numbers[0];
        } else if (aimi_pool_read_is(r, "frees", 1) && frees++ == 0) {
            t->frees = r->numbers[0];
        } else if (aimi_pool_read_is(r, "size", 4)) {
            if (!aimi_pool_read_bin(r->numbers, &next, t)) break;
            if (!aimc_add_u64(requests, r->numbers[1], &requests)) break;
            if (!aimc_add_u64(bytes, r->numbers[2], &bytes)) break;
            peaks += r->numbers[3]; /* none is above its requests */
        } else if (aimi_pool_read_is(r, "end", 0)) {
            if (live + frees != 2 || t->frees > requests || t->peak > peaks) break;
            return aimi_pool_read_ended(r) ? AIMEM_OK : AIMEM_ERR_CORRUPT;
        } else {
            break;
        }
    }
    return AIMEM_ERR_CORRUPT;
}

/* Adds what was read; false, with nothing changed, where a sum would not fit. */
AIMC_FN bool aimi_pool_tuning_add(aimem_tuning *to, const aimem_tuning *from) {
    uint64_t requests = from->frees, bytes = 0;
    uint32_t i;
    for (i = 0; i < AIMI_POOL_BINS; i++) {
        if (!aimc_add_u64(requests, to->bins[i].requests, &requests) ||
            !aimc_add_u64(requests, from->bins[i].requests, &requests) ||
            !aimc_add_u64(bytes, to->bins[i].bytes, &bytes) ||
            !aimc_add_u64(bytes, from->bins[i].bytes, &bytes)) {
            return false;
        }
    }
    if (!aimc_add_u64(to->frees, from->frees, &bytes)) return false;
    for (i = 0; i < AIMI_POOL_BINS; i++) {
        aimi_pool_bin *bin = &to->bins[i];
        bin->requests += from->bins[i].requests;
        bin->bytes += from->bins[i].bytes;
        if (from->bins[i].largest > bin->largest) bin->largest = from->bins[i].largest;
        if (from->bins[i].peak > bin->peak) bin->peak = from->bins[i].peak;
    }
    to->frees += from->frees;
    if (from->peak > to->peak) to->peak = from->peak;
    return true;
}

AIMEM_POOL_API aimem_result aimem_tuning_load(aimem_tuning *tuning, const char *text, size_t size) {
    aimem_allocator allocator = tuning->allocator;
    aimi_pool_reader r;
    aimem_result result;
    aimem_tuning *fresh =
        (aimem_tuning *)aimc_alloc_zeroed(&allocator, sizeof *fresh, sizeof(uint64_t));
    if (fresh == NULL) return AIMEM_ERR_NOMEM;
    result = aimi_pool_read_tuning(&r, text, size, fresh);
    if (result == AIMEM_OK && !aimi_pool_tuning_add(tuning, fresh)) result = AIMEM_ERR_CORRUPT;
    aimc_free(&allocator, fresh, sizeof *fresh, sizeof(uint64_t));
    return result;
}

AIMC_FN aimem_result aimi_pool_read_table(aimi_pool_reader *r, const char *text, size_t size,
                                          aimem_tuning_table *t) {
    aimem_result result = aimi_pool_read_begin(r, text, size, "aimem-classes");
    uint32_t left = 0, waste = 0;
    if (result != AIMEM_OK) return result;
    while (aimi_pool_read_line(r) && r->word_size != 0) {
        const uint64_t *n = r->numbers;
        if (aimi_pool_read_is(r, "class", 3)) {
            if (t->count == AIMEM_TUNING_CLASSES_MOST) break;
            if (n[0] > PTRDIFF_MAX || n[1] > PTRDIFF_MAX) return AIMEM_ERR_RANGE;
            t->sizes[t->count] = (size_t)n[0];
            t->blocks[t->count] = (size_t)n[1];
            t->requests[t->count++] = n[2];
        } else if (aimi_pool_read_is(r, "left-out", 1) && left++ == 0) {
            t->left_out = n[0];
        } else if (aimi_pool_read_is(r, "waste", 1) && waste++ == 0 && n[0] <= UINT32_MAX) {
            t->waste = (uint32_t)n[0];
        } else if (aimi_pool_read_is(r, "end", 0)) {
            if (left + waste != 2 || !aimi_pool_table_good(t)) break;
            return aimi_pool_read_ended(r) ? AIMEM_OK : AIMEM_ERR_CORRUPT;
        } else {
            break;
        }
    }
    return AIMEM_ERR_CORRUPT;
}

AIMEM_POOL_API aimem_result aimem_tuning_table_load(const char *text, size_t size,
                                                    aimem_tuning_table *out) {
    aimi_pool_reader r;
    aimem_result result;
    memset(out, 0, sizeof *out);
    result = aimi_pool_read_table(&r, text, size, out);
    if (result != AIMEM_OK) memset(out, 0, sizeof *out);
    return result;
}

#endif
