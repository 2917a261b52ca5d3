/* recall/embed.h: a text as a point in 512 dimensions, without a model.
 *
 *   "Growing tomatoes" -> words growing, tomatoes
 *      -> features  growing  <gr gro row ... <gro grow ... <grow growi ...   (and of tomatoes)
 *      -> weight of a feature = tf of its word * idf of the feature
 *      -> each feature adds +weight or -weight at three of the 512 places, chosen by its hash
 *
 * Texts that share words, or stems and compounds of words, share features, and their vectors point
 * the same way: "tomato plants grow" is near "Growing tomatoes". Places and signs by hash need no
 * vocabulary, and keep scalar products right in the mean: what two texts do not share adds noise of
 * about 1 / sqrt(512) to their cosine, and no bias.
 *
 * Signed feature hashing: Weinberger, Dasgupta, Langford, Smola and Attenberg, "Feature hashing for
 * large scale multitask learning", ICML 2009. tf-idf: Spaerck Jones 1972, Salton and Buckley 1988.
 * Character n-grams with marks at the ends of a word: Bojanowski, Grave, Joulin and Mikolov,
 * "Enriching word vectors with subword information", 2017 (there with learned vectors).
 */
#ifndef RECALL_EMBED_H
#define RECALL_EMBED_H

#include <math.h>

#include "text.h"

enum {
    DIMENSIONS = 512, /* a power of two */
    PLACES = 3,       /* of one feature */
    WORD_MAX = 48,    /* bytes; a longer run of letters is several words */
    WORDS_MAX = 512,  /* different words of one text; the others are left out */
    GRAM_MIN = 3,     /* characters in an n-gram, the marks counted */
    GRAM_MAX = 5,
    FEATURES_MAX = 1 + (GRAM_MAX - GRAM_MIN + 1) * (WORD_MAX + 2),
    LEAD_BYTES = 120,  /* words at the start of a passage name its topic: they count twice */
    BUCKETS = 1 << 16, /* of the document frequency table; by the upper 16 bits of a hash */
    SECTION_GROUP = 64 /* passages of one section that are embedded together */
};
static const float START_WEIGHT = 2.0f;  /* of an n-gram at the start of a word: stems are there */
static const float SECTION_SHARE = 0.5f; /* of the section's mean in the vector of a passage */
static const float LENGTH_SLOPE = 0.6f;  /* see passage_length */

typedef struct feature {
    uint64_t hash;
    float weight;
} feature;

typedef struct word {
    uint64_t hash;
    float tf;            /* times it occurs; in the lead twice that */
    uint32_t size;       /* of text */
    char text[WORD_MAX]; /* lower case */
} word;

/* How rare features are, and room for the words of the text at hand. One per memory. */
typedef struct embedder {
    uint32_t *df;     /* BUCKETS: in how many passages a feature of this bucket occurs */
    uint32_t *seen;   /* BUCKETS: the last passage that was counted there */
    uint32_t counted; /* passages in df */
    uint32_t word_count;
    word *words; /* WORDS_MAX */
} embedder;

/* FNV-1a (Fowler, Noll, Vo 1991), then the finaliser of splitmix64 (Steele, Lea, Flood 2014), so
   that every bit of the result depends on every byte. */
static uint64_t hash_bytes(const void *bytes, size_t size, uint64_t seed) {
    const unsigned char *p = (const unsigned char *)bytes;
    uint64_t h = 0xCBF29CE484222325u ^ seed;
    size_t i;
    for (i = 0; i < size; i++) h = (h ^ p[i]) * 0x100000001B3u;
    h = (h ^ (h >> 30)) * 0xBF58476D1CE4E5B9u;
    h = (h ^ (h >> 27)) * 0x94D049BB133111EBu;
    return h ^ (h >> 31);
}

/* An embedder that has counted nothing, in the arena. False: out of memory. */
static bool embedder_init(embedder *e, aimem_arena *arena) {
    memset(e, 0, sizeof *e);
    e->df = AIMEM_ARENA_ARRAY(arena, uint32_t, BUCKETS);
    e->seen = AIMEM_ARENA_ARRAY(arena, uint32_t, BUCKETS);
    e->words = AIMEM_ARENA_ARRAY(arena, word, WORDS_MAX);
    if (e->df == NULL || e->seen == NULL || e->words == NULL) return false;
    memset(e->df, 0, BUCKETS * sizeof *e->df);
    memset(e->seen, 0, BUCKETS * sizeof *e->seen);
    return true;
}

/* ---- words ----------------------------------------------------------------------------------- */

/* The bytes of the letter or digit at p in clean text; 0: something else is there. Characters
   outside ASCII count as letters but for the common punctuation (U+0080-BF, U+2000-206F, and
   U+3000-303F). */
static size_t letter_size(const char *p, const char *end) {
    unsigned char c = (unsigned char)p[0], next;
    size_t size;
    if (c < 0x80) return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
    size = c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
    if (c < 0xC3 || (size_t)(end - p) < size) return 0;
    next = (unsigned char)p[1];
    if ((c == 0xE2 && (next == 0x80 || next == 0x81)) || (c == 0xE3 && next == 0x80)) return 0;
    return size;
}

/* Copies one character in lower case: ASCII and Latin-1; others stay as they are. */
static void copy_lower(char *to, const char *from, size_t size) {
    memcpy(to, from, size);
    if (size == 1 && *from >= 'A' && *from <= 'Z') to[0] = (char)(from[0] + 32);
    if (size == 2 && (unsigned char)from[0] == 0xC3) {
        unsigned char c = (unsigned char)from[1];
        if (c >= 0x80 && c <= 0x9E && c != 0x97) to[1] = (char)(c + 32);
    }
}

/* The next word at or after *at, in lower case; *at moves behind it. False: there is none. */
static bool word_next(const char **at, const char *end, word *w) {
    size_t n = 0;
    while (*at < end && letter_size(*at, end) == 0) (*at)++;
    w->size = 0;
    while (*at < end && (n = letter_size(*at, end)) != 0 && w->size + n <= WORD_MAX) {
        copy_lower(w->text + w->size, *at, n);
        w->size += (uint32_t)n;
        *at += n;
    }
    w->hash = hash_bytes(w->text, w->size, 0);
    return w->size > 0;
}

/* Adds the words of a text to e->words; those that start in its first lead bytes count twice. */
static void words_add(embedder *e, span text, size_t lead) {
    const char *at = text.at, *end = text.at + text.size;
    word w;
    while (word_next(&at, end, &w)) {
        float tf = (size_t)(at - text.at) - w.size < lead ? 2.0f : 1.0f;
        uint32_t i = 0;
        while (i < e->word_count && e->words[i].hash != w.hash) i++;
        if (i == WORDS_MAX) continue;
        if (i == e->word_count) {
            w.tf = 0;
            e->words[e->word_count++] = w;
        }
        e->words[i].tf += tf;
    }
}

/* The words of a question, or of a passage with those of its headings where they may help. */
static void words_of_question(embedder *e, span text) {
    e->word_count = 0;
    words_add(e, text, text.size);
}

static void words_of_passage(embedder *e, const passage *p, bool headings) {
    e->word_count = 0;
    if (headings) words_add(e, p->section->path, p->section->path.size);
    words_add(e, p->text, LEAD_BYTES);
}

/* ---- features -------------------------------------------------------------------------------- */

/* The word itself and the n-grams of "<word>". Returns how many; out has FEATURES_MAX places. */
static size_t word_features(const word *w, feature *out) {
    char marked[WORD_MAX + 2];
    size_t start[WORD_MAX + 3]; /* where each character of marked starts, and the end */
    size_t chars = 0, count = 1, i, n;
    marked[0] = '<';
    memcpy(marked + 1, w->text, w->size);
    marked[w->size + 1] = '>';
    for (i = 0; i < w->size + 2u; i++) {
        if (((unsigned char)marked[i] & 0xC0) != 0x80) start[chars++] = i;
    }
    start[chars] = i;
    out[0].hash = w->hash;
    out[0].weight = 1.0f;
    for (n = GRAM_MIN; n <= GRAM_MAX && chars > 3; n++) {
        for (i = 0; i + n <= chars; i++) {
            out[count].hash = hash_bytes(marked + start[i], start[i + n] - start[i], n);
            out[count++].weight = i == 0 ? START_WEIGHT : 1.0f;
        }
    }
    return count;
}

/* Counts the passage whose words are in e->words: once for each bucket that it touches. */
static void count_features(embedder *e) {
    feature features[FEATURES_MAX];
    uint32_t i;
    e->counted++;
    for (i = 0; i < e->word_count; i++) {
        size_t count = word_features(&e->words[i], features), j;
        for (j = 0; j < count; j++) {
            size_t bucket = (size_t)(features[j].hash >> 48);
            if (e->seen[bucket] != e->counted) e->df[bucket]++;
            e->seen[bucket] = e->counted;
        }
    }
}

/* Near 0 for what every passage has ("the", "ing"), larger the rarer the feature. */
static float idf(const embedder *e, uint64_t hash) {
    return logf(1.0f + (float)e->counted / (float)(e->df[hash >> 48] + 1));
}

/* Gives a vector another length; a zero vector stays. */
static void set_length(float *vector, float length) {
    float sum = 0;
    size_t i;
    for (i = 0; i < DIMENSIONS; i++) sum += vector[i] * vector[i];
    if (sum <= 0) return;
    length /= sqrtf(sum);
    for (i = 0; i < DIMENSIONS; i++) vector[i] *= length;
}

/* The vector of the words in e->words, of length 1; zero when there are none. A feature has several
   places, so that a collision spoils only a part of it; ten bits of its hash give a place and the
   sign there. */
static void embed_words(const embedder *e, float *vector) {
    feature features[FEATURES_MAX];
    uint32_t i, place;
    memset(vector, 0, DIMENSIONS * sizeof *vector);
    for (i = 0; i < e->word_count; i++) {
        size_t count = word_features(&e->words[i], features), j;
        float tf = 1.0f + logf(e->words[i].tf);
        for (j = 0; j < count; j++) {
            uint64_t h = features[j].hash;
            float x = tf * features[j].weight * idf(e, h);
            for (place = 0; place < PLACES; place++, h >>= 10) {
                vector[h & (DIMENSIONS - 1)] += h & DIMENSIONS ? x : -x;
            }
        }
    }
    set_length(vector, 1.0f);
}

/* The length that the vector of a passage gets. Were it 1 for all, passages of one line would win
   too often, for their few words weigh the more. So it is below 1 for passages under PASSAGE_MIN
   bytes: "Pivoted document length normalization", Singhal, Buckley and Mitra, SIGIR 1996. */
static float passage_length(const passage *p) {
    float ratio = sqrtf((float)p->text.size / (float)PASSAGE_MIN);
    return ratio < 1.0f ? ratio / (1.0f - LENGTH_SLOPE + LENGTH_SLOPE * ratio) : 1.0f;
}

/* Embeds count passages of one section, from p on, one behind the other in vectors. What a passage
   is about is often said in its neighbours: each gets a share of the mean of all. */
static void embed_passages(embedder *e, const passage *p, size_t count, bool headings,
                           float *vectors) {
    float mean[DIMENSIONS];
    const passage *at = p;
    size_t i, j;
    memset(mean, 0, sizeof mean);
    for (i = 0; i < count; i++, at = at->next) {
        float *v = vectors + i * DIMENSIONS;
        words_of_passage(e, at, headings);
        embed_words(e, v);
        for (j = 0; j < DIMENSIONS; j++) mean[j] += v[j];
    }
    set_length(mean, count > 1 ? SECTION_SHARE : 0.0f);
    for (i = 0, at = p; i < count; i++, at = at->next) {
        float *v = vectors + i * DIMENSIONS;
        for (j = 0; j < DIMENSIONS; j++) v[j] += mean[j];
        set_length(v, passage_length(at));
    }
}

#endif
