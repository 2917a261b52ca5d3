/* core/topk.h against sorting everything. */
#include "check.h"

#include "core/topk.h"

enum { MAX_N = 300, PARTS = 4 };

/* Begins as aimc_hit does, and carries more. */
typedef struct hit {
    uint64_t id;
    float distance;
    uint32_t slot;
    double more;
} hit;

static bool push(aimc_topk *t, float distance, uint64_t id, uint32_t slot) {
    hit h;
    memset(&h, 0, sizeof h);
    h.id = id;
    h.distance = distance;
    h.slot = slot;
    h.more = (double)slot / 3;
    return aimc_topk_push(t, &h);
}

static int by_rank(const void *pa, const void *pb) {
    const hit *a = (const hit *)pa, *b = (const hit *)pb;
    if (a->distance != b->distance) return a->distance < b->distance ? -1 : 1;
    return a->id < b->id ? -1 : a->id > b->id ? 1 : 0;
}

/* n hits with unique ids in random order; few different distances make many ties. */
static void make_hits(hit *hits, size_t n, uint32_t values) {
    size_t i;
    for (i = 0; i < n; i++) {
        hits[i].id = i * 0x100000001u;
        hits[i].slot = (uint32_t)i ^ 0x5555u;
        hits[i].more = (double)hits[i].slot / 3;
        hits[i].distance = ((float)check_below(values) - (float)(values / 3)) * 0.25f;
    }
    for (i = n; i > 1; i--) {
        size_t j = check_below((uint32_t)i);
        hit t = hits[i - 1];
        hits[i - 1] = hits[j];
        hits[j] = t;
    }
}

static int same_hits(const hit *a, const hit *b, size_t n) {
    size_t i;
    for (i = 0; i < n; i++) {
        if (a[i].id != b[i].id || a[i].slot != b[i].slot) return 0;
        if (a[i].distance != b[i].distance || a[i].more != b[i].more) return 0;
    }
    return 1;
}

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

static void one_selection(void) {
    static hit hits[MAX_N], sorted[MAX_N], room[MAX_N + 12];
    aimc_topk t;
    size_t i, round;
    for (round = 0; round < 600; round++) {
        size_t n = check_below(MAX_N), k = check_below((uint32_t)n + 10);
        if (round % 5 == 0) k = 1;
        if (round % 50 == 1) k = 0;
        make_hits(hits, n, round % 3 == 0 ? 3 : 1000);
        aimc_topk_init(&t, room, sizeof(hit), k);
        room[k].id = 77; /* one past the array: stays as it is */
        for (i = 0; i < n; i++) {
            float limit = aimc_topk_limit(&t);
            size_t count = t.count;
            bool kept, full = count == k;
            memcpy(sorted, hits, (i + 1) * sizeof *hits);
            kept = push(&t, hits[i].distance, hits[i].id, hits[i].slot);
            CHECK_INT(t.count, least(k, i + 1));
            if (k == 0) {
                CHECK(!kept);
            } else if (!full) {
                CHECK(kept && limit >= 3e38f);
            } else {
                CHECK(hits[i].distance < limit ? kept : hits[i].distance == limit || !kept);
                CHECK(aimc_topk_limit(&t) <= limit);
            }
        }
        memcpy(sorted, hits, n * sizeof *hits);
        qsort(sorted, n, sizeof *sorted, by_rank);
        if (t.count == k && k > 0) CHECK(aimc_topk_limit(&t) == sorted[k - 1].distance);
        aimc_topk_finish(&t);
        CHECK_INT(t.count, least(k, n));
        CHECK(same_hits(room, sorted, t.count));
        CHECK_INT(room[k].id, 77);
    }
}

/* Parts that each saw some of the hits, finished or not, merge into the answer for all. */
static void merged(void) {
    static hit hits[MAX_N], sorted[MAX_N], rooms[PARTS + 1][MAX_N];
    aimc_topk part[PARTS], all;
    size_t i, round;
    for (round = 0; round < 300; round++) {
        size_t n = check_below(MAX_N), k = 1 + check_below(40);
        make_hits(hits, n, round % 2 == 0 ? 4 : 500);
        for (i = 0; i < PARTS; i++) aimc_topk_init(&part[i], rooms[i], sizeof(hit), k);
        aimc_topk_init(&all, rooms[PARTS], sizeof(hit), k);
        for (i = 0; i < n; i++) {
            aimc_topk *t = &part[check_below(PARTS)];
            (void)push(t, hits[i].distance, hits[i].id, hits[i].slot);
        }
        for (i = 0; i < PARTS; i++) {
            if (check_below(2) != 0) aimc_topk_finish(&part[i]);
            aimc_topk_merge(&all, &part[i]);
        }
        aimc_topk_finish(&all);
        memcpy(sorted, hits, n * sizeof *hits);
        qsort(sorted, n, sizeof *sorted, by_rank);
        CHECK_INT(all.count, least(k, n));
        CHECK(same_hits(rooms[PARTS], sorted, all.count));
    }
}

/* Sorted, reversed and all-equal input; negative and zero distances. */
static void orders(void) {
    hit room[8];
    aimc_topk t;
    uint32_t i;
    aimc_topk_init(&t, room, sizeof(hit), 8);
    for (i = 0; i < 100; i++) CHECK(push(&t, (float)i, i, i) == (i < 8));
    aimc_topk_finish(&t);
    for (i = 0; i < 8; i++) CHECK(room[i].id == i && room[i].slot == i);
    aimc_topk_init(&t, room, sizeof(hit), 8);
    for (i = 0; i < 100; i++) CHECK(push(&t, -(float)i, i, i));
    aimc_topk_finish(&t);
    for (i = 0; i < 8; i++) CHECK(room[i].id == 99 - i && room[i].distance == -(float)(99 - i));
    aimc_topk_init(&t, room, sizeof(hit), 8);
    for (i = 100; i > 0; i--) CHECK(push(&t, 1.0f, i, i)); /* smaller ids win */
    CHECK(!push(&t, 1.0f, 9, 9));
    aimc_topk_finish(&t);
    for (i = 0; i < 8; i++) CHECK_INT(room[i].id, i + 1);
    aimc_topk_init(&t, room, sizeof(hit), 2); /* -0 is 0 */
    CHECK(push(&t, 0.0f, 2, 0) && push(&t, -0.0f, 1, 0));
    CHECK(!push(&t, -0.0f, 3, 0));
    aimc_topk_finish(&t);
    CHECK(room[0].id == 1 && room[1].id == 2);
    aimc_topk_init(&t, NULL, sizeof(hit), 0);
    CHECK(!push(&t, 1.0f, 1, 1));
    aimc_topk_finish(&t);
    CHECK_INT(t.count, 0);
}

int main(int argc, char **argv) {
    CHECK_BEGIN(argc, argv);
    RUN(one_selection);
    RUN(merged);
    RUN(orders);
    return CHECK_END();
}
