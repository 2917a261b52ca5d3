/* recall/eval.h: how good are the answers? Every heading is a question, and its section the answer.
 *
 * The text under a heading is known to be about the heading; so each text with headings is a test
 * that nobody had to write. The passages are embedded without any heading, for else each question
 * would lie in its own answer. Left out are headings with little text under them, headings that
 * occur more than once (whose answer would be right?) and those without a letter.
 *
 * hit@k: the share of the questions with a passage of the right section among the first k answers.
 * The same is reported for counting: which passages have the most different words of the question,
 * and of those with equally many the shortest. (Ties in the order of the text would make a weaker
 * opponent.)
 */
#ifndef RECALL_EVAL_H
#define RECALL_EVAL_H

#include <stdlib.h>

#include "rank.h"

enum {
    ANSWER_MIN = 80, /* bytes of text that a section needs to be an answer */
    EVAL_DEPTH = 5
};

typedef struct question {
    uint64_t hash; /* of the words of the heading */
    const section *sec;
} question;

/* The different words of a passage, by hash. */
typedef struct bag {
    uint64_t *words;
    uint32_t count;
} bag;

typedef struct tally {
    uint32_t hit1, hit5;
} tally;

typedef struct evaluation {
    uint32_t questions, too_short, repeated, wordless;
    tally recall, counting;
} evaluation;

/* The heading becomes the words of the embedder; the result is their hash, 0 without a letter. */
static uint64_t question_words(embedder *e, const section *sec) {
    uint64_t hash = 0;
    bool letter = false;
    uint32_t i;
    words_of_question(e, sec->title);
    for (i = 0; i < e->word_count; i++) {
        hash = hash_bytes(&e->words[i].hash, sizeof e->words[i].hash, hash);
        letter = letter || e->words[i].text[0] > '9' || (unsigned char)e->words[i].text[0] > 127;
    }
    return letter ? hash | 1 : 0;
}

static int by_hash(const void *a, const void *b) {
    uint64_t x = ((const question *)a)->hash, y = ((const question *)b)->hash;
    return (x > y) - (x < y);
}

static size_t section_bytes(const section *sec) {
    const passage *p;
    size_t bytes = 0;
    for (p = sec->first; p != NULL; p = p->next) bytes += p->text.size;
    return bytes;
}

/* All headings with a letter, sorted by their hash; NULL: out of memory. */
static question *headings_of(memory *m, evaluation *ev, size_t *count) {
    const source *s;
    const section *sec;
    size_t room = 0;
    question *all;
    for (s = m->first; s != NULL; s = s->next) room += s->sections;
    all = AIMEM_ARENA_ARRAY(&m->arena, question, room);
    *count = 0;
    if (all == NULL) return NULL;
    for (s = m->first; s != NULL; s = s->next) {
        for (sec = s->first; sec != NULL; sec = sec->next) {
            if (sec->title.size == 0) continue;
            all[*count].sec = sec;
            all[*count].hash = question_words(&m->embed, sec);
            if (all[*count].hash != 0)
                ++*count;
            else
                ev->wordless++;
        }
    }
    qsort(all, *count, sizeof *all, by_hash);
    return all;
}

/* The bags of all passages, in the arena; NULL: out of memory. */
static bag *bags_of(memory *m) {
    bag *bags = AIMEM_ARENA_ARRAY(&m->arena, bag, m->passages);
    uint32_t i, j;
    for (i = 0; bags != NULL && i < m->passages; i++) {
        words_of_passage(&m->embed, m->by_id[i], false);
        bags[i].count = m->embed.word_count;
        bags[i].words = AIMEM_ARENA_ARRAY(&m->arena, uint64_t, bags[i].count);
        if (bags[i].words == NULL) return NULL;
        for (j = 0; j < bags[i].count; j++) bags[i].words[j] = m->embed.words[j].hash;
    }
    return bags;
}

static uint32_t shared_words(const embedder *e, const bag *b) {
    uint32_t shared = 0, i, j;
    for (i = 0; i < e->word_count; i++) {
        for (j = 0; j < b->count && b->words[j] != e->words[i].hash; j++) {
        }
        shared += j < b->count;
    }
    return shared;
}

/* The place, from 0, of the first passage of the section among the answers; EVAL_DEPTH: none. */
static size_t place_by_recall(memory *m, const section *sec, aimem_result *r) {
    answer answers[EVAL_DEPTH];
    size_t count, i;
    *r = memory_ask(m, EVAL_DEPTH, false, answers, &count);
    for (i = 0; i < count; i++) {
        if (answers[i].at->section == sec) return i;
    }
    return EVAL_DEPTH;
}

/* The same for counting: how many passages of other sections come before the best of this one. */
static size_t place_by_counting(const memory *m, const section *sec, const bag *bags,
                                uint64_t *keys) {
    uint64_t best = 0;
    size_t place = 0;
    uint32_t i;
    for (i = 0; i < m->passages; i++) {
        keys[i] = (uint64_t)shared_words(&m->embed, &bags[i]) << 32 | (UINT32_MAX - bags[i].count);
        if (m->by_id[i]->section == sec && keys[i] > best) best = keys[i];
    }
    for (i = 0; i < m->passages && place < EVAL_DEPTH; i++) {
        place += keys[i] > best && m->by_id[i]->section != sec;
    }
    return place;
}

static void tally_add(tally *t, size_t place) {
    t->hit1 += place < 1;
    t->hit5 += place < EVAL_DEPTH;
}

/* Asks every question of a memory that was embedded without headings. NOMEM: out of memory. */
static aimem_result evaluate(memory *m, evaluation *ev) {
    aimem_result r = AIMEM_OK;
    question *all;
    uint64_t *keys = AIMEM_ARENA_ARRAY(&m->arena, uint64_t, m->passages);
    bag *bags = bags_of(m);
    size_t count, i;
    memset(ev, 0, sizeof *ev);
    all = headings_of(m, ev, &count);
    if (keys == NULL || bags == NULL || all == NULL) return AIMEM_ERR_NOMEM;
    for (i = 0; i < count && r == AIMEM_OK; i++) {
        const section *sec = all[i].sec;
        if ((i > 0 && all[i - 1].hash == all[i].hash) ||
            (i + 1 < count && all[i + 1].hash == all[i].hash)) {
            ev->repeated++;
        } else if (section_bytes(sec) < ANSWER_MIN) {
            ev->too_short++;
        } else {
            ev->questions++;
            (void)question_words(&m->embed, sec);
            tally_add(&ev->recall, place_by_recall(m, sec, &r));
            tally_add(&ev->counting, place_by_counting(m, sec, bags, keys));
        }
    }
    return r;
}

#endif
