/* vec.c: which colour is this? Named colours are stored as vectors, the nearest names are found,
 * the collection is saved to a file and loaded again.
 *
 *   cc -I. examples/vec.c -o vec && ./vec            the file lies beside the program
 */
#define AIMEM_VEC_IMPLEMENTATION
#include "aimem_vec.h"

#include <stdio.h>

typedef struct colour {
    const char *name;
    float rgb[3];
} colour;

static const colour colours[] = {
    {"black", {0, 0, 0}},        {"white", {255, 255, 255}},  {"red", {230, 25, 40}},
    {"orange", {245, 130, 40}},  {"yellow", {250, 220, 30}},  {"olive", {128, 128, 20}},
    {"green", {60, 170, 70}},    {"mint", {170, 255, 195}},   {"teal", {0, 128, 128}},
    {"cyan", {70, 240, 240}},    {"navy", {0, 0, 120}},       {"blue", {40, 90, 220}},
    {"lavender", {220, 190, 255}}, {"purple", {145, 30, 180}}, {"pink", {250, 190, 210}},
    {"brown", {140, 80, 30}},    {"beige", {245, 240, 210}},  {"grey", {128, 128, 128}},
};

static int fail(const char *what, aimem_result r) {
    printf("%s: %s\n", what, aimem_result_string(r));
    return 1;
}

/* Every colour under an id that is assigned, with its name as label. */
static aimem_result fill(aimem_vec *v) {
    size_t i;
    for (i = 0; i < sizeof colours / sizeof colours[0]; i++) {
        aimem_result r = aimem_vec_add(v, AIMEM_VEC_NEW_ID, colours[i].name, colours[i].rgb, NULL);
        if (r != AIMEM_OK) return r;
    }
    return AIMEM_OK;
}

/* The three nearest names; 0 when the first is the expected one. */
static int ask(const aimem_vec *v, const float *rgb, const char *expected) {
    aimem_vec_hit hits[3];
    size_t count, i;
    aimem_result r = aimem_vec_search(v, rgb, 3, hits, &count);
    if (r != AIMEM_OK) return fail("search", r);
    printf("(%3.0f %3.0f %3.0f) is", (double)rgb[0], (double)rgb[1], (double)rgb[2]);
    for (i = 0; i < count; i++) {
        printf("%s %s at %.1f", i == 0 ? "" : ",", hits[i].label, (double)hits[i].distance);
    }
    printf("\n");
    return count == 0 || strcmp(hits[0].label, expected) != 0;
}

int main(int argc, char **argv) {
    static const float sea[3] = {10, 140, 150}, brick[3] = {190, 60, 50};
    aimem_vec_desc desc;
    aimem_vec *v = NULL, *again = NULL;
    aimem_vec_info info;
    char path[1024];
    int32_t os_error;
    aimem_result r;
    int wrong;
    memset(&desc, 0, sizeof desc);
    desc.dim = 3;
    desc.metric = AIMEM_VEC_L2;
    r = aimem_vec_create(&desc, &v);
    if (r != AIMEM_OK) return fail("create", r);
    r = fill(v);
    if (r != AIMEM_OK) return fail("add", r);
    wrong = ask(v, sea, "teal") + ask(v, brick, "red");

    snprintf(path, sizeof path, "%s.colours", argc > 0 ? argv[0] : "vec");
    r = aimem_vec_save_file(v, path, NULL, &os_error);
    if (r == AIMEM_ERR_UNSUPPORTED) {
        printf("no files here\n");
        aimem_vec_destroy(v);
        return wrong;
    }
    if (r != AIMEM_OK) return fail("save", r);
    r = aimem_vec_load_file(NULL, path, NULL, &again, &os_error);
    if (r != AIMEM_OK) return fail("load", r);
    aimem_vec_stats(again, &info);
    printf("loaded %u colours, %.0f bytes each, from %s\n", (unsigned)info.count,
           (double)info.bytes_per_row, path);
    wrong += ask(again, sea, "teal") + (info.count != aimem_vec_count(v));
    aimem_vec_destroy(v);
    aimem_vec_destroy(again);
    return wrong + (remove(path) != 0);
}
