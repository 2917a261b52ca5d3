/* recall/rank.h: the answers to a question, best first.
 *
 * The vectors find some dozen passages that are near the question, out of all; the texts of those
 * decide among them. For 512 numbers cannot hold everything that a passage says, and whether a word
 * of the question stands in it is then easily looked up. "Retrieve, then rerank" is what search
 * engines do: Matveeva, Burges, Burkard, Laucius and Wong, "High accuracy retrieval with multiple
 * nested ranker", SIGIR 2006.
 */
#ifndef RECALL_RANK_H
#define RECALL_RANK_H

#include "memory.h"

enum {
    CANDIDATES = 32, /* passages whose text is looked at, unless more answers are wanted */
    ASKED_MAX = 64   /* words of a question that are looked for */
};
static const float WORDS_SHARE = 0.2f; /* of the words in a score; the rest is the vectors' */

typedef struct answer {
    const passage *at;
    float score; /* 0 .. 1, less than 0 for what points away */
} answer;

/* The words of a question with their weights, which sum up to 1. */
typedef struct asked {
    uint32_t count;
    word words[ASKED_MAX];
    float weight[ASKED_MAX];
} asked;

/* Equal words, and those that begin alike: "grow" and "growing". */
static bool words_match(const word *a, const word *b) {
    uint32_t shorter = a->size < b->size ? a->size : b->size;
    uint32_t longer = a->size < b->size ? b->size : a->size, same = 0;
    while (same < shorter && a->text[same] == b->text[same]) same++;
    return same == longer || (same >= 4 && same * 3 >= shorter * 2 && same * 2 >= longer);
}

/* Takes the words that are in e->words. */
static void asked_init(asked *q, const embedder *e) {
    float sum = 0;
    uint32_t i;
    memset(q, 0, sizeof *q);
    for (i = 0; i < e->word_count && i < ASKED_MAX; i++) {
        q->words[i] = e->words[i];
        q->weight[i] = idf(e, e->words[i].hash);
        sum += q->weight[i];
    }
    q->count = i;
    for (i = 0; i < q->count && sum > 0; i++) q->weight[i] /= sum;
}

/* The weight of the words of the question that text has and that are not found yet. */
static float asked_found(const asked *q, span text, bool *found) {
    const char *at = text.at, *end = text.at + text.size;
    float sum = 0;
    uint32_t i;
    word w;
    while (word_next(&at, end, &w)) {
        for (i = 0; i < q->count; i++) {
            if (found[i] || !words_match(&q->words[i], &w)) continue;
            found[i] = true;
            sum += q->weight[i];
        }
    }
    return sum;
}

static answer answer_of(const memory *m, const asked *q, const aimem_vec_hit *hit, bool headings) {
    bool found[ASKED_MAX];
    float words;
    answer a;
    memset(found, 0, sizeof found);
    a.at = m->by_id[hit->id];
    words = asked_found(q, a.at->text, found);
    if (headings) words += asked_found(q, a.at->section->path, found);
    a.score = (1.0f - WORDS_SHARE) * hit->similarity + WORDS_SHARE * words;
    return a;
}

/* The k best answers to the question whose words are in the embedder, in answers, best first;
   *count: min(k, passages). headings: those of a passage belong to its text. Scratch memory comes
   from the arena and goes back. NOMEM: out of memory. */
static aimem_result memory_ask(memory *m, size_t k, bool headings, answer *answers, size_t *count) {
    aimem_arena_mark mark = aimem_arena_save(&m->arena);
    size_t room = k > CANDIDATES ? k : (size_t)CANDIDATES, found = 0, i, j;
    aimem_vec_hit *hits = AIMEM_ARENA_ARRAY(&m->arena, aimem_vec_hit, room);
    asked *q = AIMEM_ARENA_NEW(&m->arena, asked);
    float vector[DIMENSIONS];
    aimem_result r = AIMEM_ERR_NOMEM;
    *count = 0;
    if (hits != NULL && q != NULL) {
        asked_init(q, &m->embed);
        embed_words(&m->embed, vector);
        r = aimem_vec_search(m->vec, vector, room, hits, &found);
    }
    for (i = 0; i < found; i++) {
        answer a = answer_of(m, q, &hits[i], headings);
        for (j = *count; j > 0 && answers[j - 1].score < a.score; j--) {
            if (j < k) answers[j] = answers[j - 1];
        }
        if (j < k) answers[j] = a;
        if (*count < k) ++*count;
    }
    aimem_arena_rewind(&m->arena, mark);
    return r;
}

#endif
