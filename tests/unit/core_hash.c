/* tests/unit/core_hash.c: core/bytes.h, core/hash.h and core/crc.h.
 *
 * The values in the table came from libxxhash 0.8.1. Built with -DHAVE_XXHASH and -lxxhash, the
 * test peer_equal compares with that library at every length up to 5000.
 */
#include "core/bytes.h"
#include "core/crc.h"
#include "core/hash.h"

#include "check.h"

#if defined(HAVE_XXHASH)
#include <xxhash.h>
#endif

enum { SMALL = 8448, LARGE = 1048701 };
#define SEED UINT64_C(0x9E3779B97F4A7C15)

static unsigned char input[SMALL], lone[SMALL + 64];

/* The bytes from which the table was made. */
static unsigned char pattern(size_t i) {
    return (unsigned char)((uint32_t)i * 2654435761u >> 24);
}

static void fill(unsigned char *dst, size_t from, size_t size) {
    size_t i;
    for (i = 0; i < size; i++) dst[i] = pattern(from + i);
}

static const struct {
    size_t size;
    uint64_t plain, seeded; /* seed 0, seed SEED */
} vectors[] = {
    {0, UINT64_C(0x2D06800538D394C2), UINT64_C(0x602B0E2CD6662C8B)},
    {1, UINT64_C(0xC44BDFF4074EECDB), UINT64_C(0x062B185E4E01441A)},
    {2, UINT64_C(0xB0A5D4F167A89D5E), UINT64_C(0x9B864FE7B96642A2)},
    {3, UINT64_C(0xE14090F554A5EA90), UINT64_C(0xF5ABC7F9D1539843)},
    {4, UINT64_C(0x2E8D078A566E9749), UINT64_C(0x80EB1FBA34AF62CC)},
    {5, UINT64_C(0x94B7BED600F8CE63), UINT64_C(0xCC27AEDAB5235917)},
    {7, UINT64_C(0xE6F7770846C47DF5), UINT64_C(0xEA8F3A28ED450BA5)},
    {8, UINT64_C(0xCD1C7F88482FCAEF), UINT64_C(0x8813149E639DA876)},
    {9, UINT64_C(0xBFE43DEF699FA9E3), UINT64_C(0x1D2C4851ECD580C9)},
    {12, UINT64_C(0x027242C0A3B593E8), UINT64_C(0x037F7F0B3B283541)},
    {15, UINT64_C(0x9C71639666DFDBC2), UINT64_C(0xC33B023166A9BFEB)},
    {16, UINT64_C(0x81E9EB8634460BB9), UINT64_C(0x7F7F704E06138A8A)},
    {17, UINT64_C(0x9998430FD0A655BE), UINT64_C(0x2D4B1D5B644B3FE6)},
    {31, UINT64_C(0x6427C268CCD55706), UINT64_C(0x3C45372D3A7DD491)},
    {32, UINT64_C(0x938C25DD24C9CF3B), UINT64_C(0xDDB3FA44B7A01773)},
    {33, UINT64_C(0x0E399D30188E9C8E), UINT64_C(0x6F580B722A92321B)},
    {64, UINT64_C(0x22A06B30C4C72936), UINT64_C(0x581BCDE3ABB84C27)},
    {65, UINT64_C(0x7FAFF6EEE7812D5C), UINT64_C(0xA48D818CD71A3320)},
    {96, UINT64_C(0x324046D7FF9771F1), UINT64_C(0x92FD230B47EE777F)},
    {97, UINT64_C(0x00D61F9A16F8EFFD), UINT64_C(0x4304CF363270FEDB)},
    {127, UINT64_C(0x29A5BE88E84CD571), UINT64_C(0xC80E1EF42DF5552D)},
    {128, UINT64_C(0x75ECA5C5D5594884), UINT64_C(0x27EF5B319B50EA46)},
    {129, UINT64_C(0xA05DA42E7A4E4667), UINT64_C(0xB4F2C57C09E1E2E4)},
    {143, UINT64_C(0x516036CAA68597EC), UINT64_C(0xEB7176A6B3705651)},
    {144, UINT64_C(0x2E63CEED9F938E07), UINT64_C(0x59EAFA8C0AA42379)},
    {145, UINT64_C(0x01224D8FC204CE37), UINT64_C(0xEB4E13CBD21D1B02)},
    {192, UINT64_C(0xF27A9155F46C22D6), UINT64_C(0xA631C910E9C458CB)},
    {239, UINT64_C(0xA44C92FEED3D48FA), UINT64_C(0xC4BBD1DD9294235D)},
    {240, UINT64_C(0x5EB2467C8C9E3969), UINT64_C(0x0329AA09C20D9CD6)},
    {241, UINT64_C(0x2D431E984C441F15), UINT64_C(0x67E2CF13C7452CBC)},
    {255, UINT64_C(0x6CB5279BB1267B3B), UINT64_C(0x8DD0D7C510D93F29)},
    {256, UINT64_C(0x1369AAF85F8B805A), UINT64_C(0x83702DB5A4988AAF)},
    {257, UINT64_C(0x53D08D96173615DE), UINT64_C(0x18FD8523A09A9588)},
    {319, UINT64_C(0xEF6F375C9770B3DD), UINT64_C(0xAAB6A66F461DE674)},
    {320, UINT64_C(0xF725DB88132AE753), UINT64_C(0x3DDD26E530B77793)},
    {321, UINT64_C(0xCA853D4F982F01E7), UINT64_C(0x4CF4BBC4180A9CF7)},
    {512, UINT64_C(0xDCFED6EE2883ACD0), UINT64_C(0x78E6067E8697EDFC)},
    {1023, UINT64_C(0x4E30BB611FAA8F67), UINT64_C(0xDD08169A808DEF51)},
    {1024, UINT64_C(0xE99DEF1145F12936), UINT64_C(0x709FA517CF5D6E00)},
    {1025, UINT64_C(0x83CBA9B371E4E7F4), UINT64_C(0x18C39AA411C5DEB2)},
    {1087, UINT64_C(0x7A31D7BE13F5411B), UINT64_C(0x0DC4194BC60C0421)},
    {1088, UINT64_C(0x8E7E69B3A7124813), UINT64_C(0x0A68A814C48ECDDE)},
    {1089, UINT64_C(0xA958A59C9718ACC1), UINT64_C(0xFBB57E676A8451EB)},
    {2047, UINT64_C(0xA585963F99E7D6A8), UINT64_C(0x3D2750AB1EA61F83)},
    {2048, UINT64_C(0x53275D58CFBA68FD), UINT64_C(0x2434BC28E8F46F5E)},
    {2049, UINT64_C(0x3CD32460D504D215), UINT64_C(0x1938F0CF70685CFD)},
    {4095, UINT64_C(0xB7FC61B323AE5FC3), UINT64_C(0x4DD3E22A36AAC72E)},
    {4096, UINT64_C(0x9BF67F8DEFF876AE), UINT64_C(0x2DB1C4D939C6B66C)},
    {4097, UINT64_C(0x3DFD517338A4B234), UINT64_C(0xC59DD4D8D625AAB1)},
    {8191, UINT64_C(0x177E7C4E0602B697), UINT64_C(0x75C3F9DDE1D4DC53)},
    {8192, UINT64_C(0x4DE76C9D88EABE9D), UINT64_C(0x78183BAB7F7FAFD4)},
    {1048576, UINT64_C(0xA60868B9A5018405), UINT64_C(0xBB50F9A33B2E038F)},
    {1048701, UINT64_C(0x330503321FC64EF5), UINT64_C(0xA405512FF4F6C5A1)},
};

enum { VECTORS = sizeof vectors / sizeof vectors[0] };

/* The instruction sets that have a loop of their own. */
static const uint32_t paths[] = {AIMC_CPU_SSE2, AIMC_CPU_AVX2, AIMC_CPU_AVX512, AIMC_CPU_NEON,
                                 AIMC_CPU_WASM};

enum { PATHS = sizeof paths / sizeof paths[0] };

static void bytes_order(void) {
    static const unsigned char in[9] = {0xFF, 0x01, 0x82, 0x03, 0x84, 0x05, 0x86, 0x07, 0xF8};
    unsigned char out[9];
    CHECK(aimc_load_u16(in + 1) == 0x8201u);
    CHECK(aimc_load_u32(in + 1) == 0x84038201u);
    CHECK(aimc_load_u64(in + 1) == UINT64_C(0xF807860584038201));
    memset(out, 0xFF, sizeof out);
    aimc_store_u16(out + 1, 0x8201u);
    CHECK(memcmp(out, in, 3) == 0 && out[3] == 0xFF);
    aimc_store_u32(out + 1, 0x84038201u);
    CHECK(memcmp(out, in, 5) == 0 && out[5] == 0xFF);
    aimc_store_u64(out + 1, UINT64_C(0xF807860584038201));
    CHECK(memcmp(out, in, 9) == 0);
    CHECK(aimc_swap_u32(0x84038201u) == 0x01820384u);
    CHECK(aimc_swap_u64(UINT64_C(0xF807860584038201)) == UINT64_C(0x01820384058607F8));
}

static void bytes_float(void) {
    static const unsigned char one_and_half[4] = {0x00, 0x00, 0xC0, 0x3F};
    static const unsigned char signalling[4] = {0x01, 0x00, 0xA0, 0x7F};
    unsigned char out[5];
    float x = 0;
    aimc_load_f32(one_and_half, &x);
    CHECK(x == 1.5f);
    aimc_store_f32(out + 1, &x);
    CHECK(memcmp(out + 1, one_and_half, 4) == 0);
    aimc_load_f32(signalling, &x);
    aimc_store_f32(out + 1, &x);
    CHECK(memcmp(out + 1, signalling, 4) == 0);
}

static void hash_vectors(void) {
    size_t i;
    for (i = 0; i < VECTORS; i++) {
        if (vectors[i].size > SMALL) continue;
        CHECK(aimc_hash64(input, vectors[i].size, 0) == vectors[i].plain);
        CHECK(aimc_hash64(input, vectors[i].size, SEED) == vectors[i].seeded);
    }
    CHECK(aimc_hash64(NULL, 0, 0) == vectors[0].plain);
}

static void hash_large(void) {
    unsigned char *large = (unsigned char *)malloc(LARGE);
    size_t i, p, tried = 0;
    if (large == NULL) SKIP("no memory for a megabyte");
    fill(large, 0, LARGE);
    for (i = 0; i < VECTORS; i++) {
        if (vectors[i].size <= SMALL) continue;
        tried++;
        CHECK(aimc_hash64(large, vectors[i].size, 0) == vectors[i].plain);
        CHECK(aimc_hash64_at(0, large, vectors[i].size, SEED) == vectors[i].seeded);
        for (p = 0; p < PATHS; p++) {
            if ((aimc_cpu_flags() & paths[p]) == 0) continue;
            CHECK(aimc_hash64_at(paths[p], large, vectors[i].size, SEED) == vectors[i].seeded);
        }
    }
    CHECK(tried == 2);
    free(large);
}

/* The length that differs first, or SIZE_MAX. The input ends where its array ends, so that
   AddressSanitizer sees a read behind it. */
static size_t first_difference(uint32_t path) {
    size_t size;
    for (size = 0; size <= 2100; size++) {
        const unsigned char *start = input + SMALL - size;
        uint64_t seed = size % 3 == 0 ? 0 : check_random();
        if (aimc_hash64_at(path, start, size, seed) != aimc_hash64_at(0, start, size, seed)) {
            return size;
        }
    }
    return SIZE_MAX;
}

static void hash_paths_equal(void) {
    size_t p;
    for (p = 0; p < PATHS; p++) {
        if ((aimc_cpu_flags() & paths[p]) == 0) continue;
        CHECK_INT(first_difference(paths[p]), SIZE_MAX);
    }
}

/* Every unaligned start, at lengths that reach each branch. */
static void hash_unaligned(void) {
    static const size_t sizes[] = {3, 8, 16, 100, 200, 300, 1500};
    unsigned char copy[1500 + 64];
    size_t i, start, p;
    for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint64_t want = aimc_hash64_at(0, input, sizes[i], SEED);
        for (start = 0; start < 64; start++) {
            memset(copy, 0xA5, sizeof copy);
            memcpy(copy + start, input, sizes[i]);
            CHECK(aimc_hash64_at(0, copy + start, sizes[i], SEED) == want);
            for (p = 0; p < PATHS; p++) {
                if ((aimc_cpu_flags() & paths[p]) == 0) continue;
                CHECK(aimc_hash64_at(paths[p], copy + start, sizes[i], SEED) == want);
            }
        }
    }
}

/* Every input bit counts, so no byte is left out. */
static void hash_every_byte(void) {
    static const size_t sizes[] = {1, 3, 4, 8, 9, 16, 17, 128, 129, 240, 241, 1024, 1025};
    size_t i, at;
    for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint64_t was = aimc_hash64(input, sizes[i], SEED);
        for (at = 0; at < sizes[i]; at++) {
            input[at] ^= 1;
            CHECK(aimc_hash64(input, sizes[i], SEED) != was);
            input[at] ^= 1;
        }
    }
}

/* Feeds size bytes in pieces of 0 to most bytes and asks in between as well. Each piece lies alone
   in a block of its own, so that nobody can peek at the bytes before it. */
static void stream_once(uint32_t flags, size_t size, uint32_t most) {
    uint64_t seed = check_below(2) == 0 ? 0 : check_random();
    aimc_hash_state s;
    size_t at = 0;
    aimc_hash_init_at(&s, flags, seed);
    while (at < size) {
        size_t piece = check_below(most + 1);
        if (piece > size - at) piece = size - at;
        memset(lone, 0xA5, sizeof lone);
        memcpy(lone + 64, input + at, piece);
        aimc_hash_update(&s, lone + 64, piece);
        at += piece;
        if (check_below(8) == 0) {
            CHECK(aimc_hash_final(&s) == aimc_hash64_at(flags, input, at, seed));
        }
    }
    CHECK(aimc_hash_final(&s) == aimc_hash64_at(flags, input, size, seed));
}

static void stream_splits(void) {
    static const uint32_t most[] = {3, 64, 65, 255, 256, 257, 1024, 8448};
    size_t i, p;
    int round;
    for (i = 0; i < sizeof most / sizeof most[0]; i++) {
        for (round = 0; round < 25; round++) {
            stream_once(0, check_below(SMALL + 1), most[i]);
            for (p = 0; p < PATHS; p++) {
                if ((aimc_cpu_flags() & paths[p]) == 0) continue;
                stream_once(paths[p], check_below(SMALL + 1), most[i]);
            }
        }
    }
}

/* Each length in two pieces, cut where it hurts most. */
static void stream_two_pieces(void) {
    static const size_t cuts[] = {0, 1, 63, 64, 65, 240, 241, 255, 256, 257, 320, 1024, 1025};
    size_t size, i;
    aimc_hash_state s;
    for (size = 0; size <= 1400; size += size < 600 ? 1 : 13) {
        uint64_t want = aimc_hash64(input, size, SEED);
        for (i = 0; i < sizeof cuts / sizeof cuts[0] && cuts[i] <= size; i++) {
            aimc_hash_init(&s, SEED);
            aimc_hash_update(&s, input, cuts[i]);
            aimc_hash_update(&s, input + cuts[i], size - cuts[i]);
            CHECK(aimc_hash_final(&s) == want);
        }
    }
    aimc_hash_init(&s, 0);
    aimc_hash_update(&s, NULL, 0);
    CHECK(aimc_hash_final(&s) == vectors[0].plain);
}

static void stream_large(void) {
    aimc_hash_state s;
    unsigned char piece[1000];
    size_t at, n;
    aimc_hash_init(&s, SEED);
    for (at = 0; at < LARGE; at += n) {
        n = LARGE - at < sizeof piece ? LARGE - at : sizeof piece;
        fill(piece, at, n);
        aimc_hash_update(&s, piece, n);
    }
    CHECK(vectors[VECTORS - 1].size == LARGE);
    CHECK(aimc_hash_final(&s) == vectors[VECTORS - 1].seeded);
}

static void peer_equal(void) {
#if defined(HAVE_XXHASH)
    size_t size;
    for (size = 0; size <= 5000; size++) {
        uint64_t seed = check_random();
        CHECK(aimc_hash64(input, size, 0) == XXH3_64bits(input, size));
        CHECK(aimc_hash64(input, size, seed) == XXH3_64bits_withSeed(input, size, seed));
    }
#else
    SKIP("built without libxxhash");
#endif
}

/* RFC 3720, B.4, and the check value of the catalogues. */
static void crc_known(uint32_t flags) {
    static const unsigned char read10[48] = {
        0x01, 0xC0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,    0, 0, 0, 0,
        0x14, 0,    0, 0, 0, 0, 4, 0, 0, 0, 0, 0x14, 0, 0, 0, 0x18,
        0x28, 0,    0, 0, 0, 0, 0, 0, 2, 0, 0, 0,    0, 0, 0, 0,
    };
    unsigned char block[32];
    int i;
    CHECK(aimc_crc32c_at(flags, 0, "123456789", 9) == 0xE3069283u);
    CHECK(aimc_crc32c_at(flags, 0, NULL, 0) == 0);
    memset(block, 0, sizeof block);
    CHECK(aimc_crc32c_at(flags, 0, block, sizeof block) == 0x8A9136AAu);
    memset(block, 0xFF, sizeof block);
    CHECK(aimc_crc32c_at(flags, 0, block, sizeof block) == 0x62A8AB43u);
    for (i = 0; i < 32; i++) block[i] = (unsigned char)i;
    CHECK(aimc_crc32c_at(flags, 0, block, sizeof block) == 0x46DD794Eu);
    for (i = 0; i < 32; i++) block[i] = (unsigned char)(31 - i);
    CHECK(aimc_crc32c_at(flags, 0, block, sizeof block) == 0x113FDB5Cu);
    CHECK(aimc_crc32c_at(flags, 0, read10, sizeof read10) == 0xD9963A56u);
}

static void crc_vectors(void) {
    crc_known(0);
    crc_known(aimc_cpu_flags());
    CHECK(aimc_crc32c(0, "123456789", 9) == 0xE3069283u);
}

/* One bit at a time, from the definition. */
static uint32_t crc_by_bits(const unsigned char *in, size_t size) {
    uint32_t crc = 0xFFFFFFFFu;
    size_t i;
    int bit;
    for (i = 0; i < size; i++) {
        crc ^= in[i];
        for (bit = 0; bit < 8; bit++) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0x82F63B78u : 0);
    }
    return ~crc;
}

static void crc_paths_equal(void) {
    static const size_t sizes[] = {2015, 2016, 2017, 4031, 4032, 4095, 4096, 4097, 6047,
                                   6048, 8192, 8300};
    size_t size, i;
    for (size = 0; size <= 300; size++) {
        size_t start = SMALL - size;
        uint32_t want = crc_by_bits(input + start, size);
        CHECK(aimc_crc32c_at(0, 0, input + start, size) == want);
        CHECK(aimc_crc32c(0, input + start, size) == want);
    }
    for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t start = check_below(64);
        uint32_t want = crc_by_bits(input + start, sizes[i]);
        CHECK(aimc_crc32c_at(0, 0, input + start, sizes[i]) == want);
        CHECK(aimc_crc32c(0, input + start, sizes[i]) == want);
    }
}

static void crc_chain(void) {
    int round;
    for (round = 0; round < 200; round++) {
        size_t size = check_below(SMALL + 1), at = 0;
        uint32_t want = aimc_crc32c_at(0, 0, input, size), soft = 0, best = 0;
        while (at < size) {
            size_t piece = check_below(3000);
            if (piece > size - at) piece = size - at;
            soft = aimc_crc32c_at(0, soft, input + at, piece);
            best = aimc_crc32c(best, input + at, piece);
            at += piece;
        }
        CHECK(soft == want);
        CHECK(best == want);
    }
}

int main(int argc, char **argv) {
    CHECK_BEGIN(argc, argv);
    fill(input, 0, sizeof input);
    RUN(bytes_order);
    RUN(bytes_float);
    RUN(hash_vectors);
    RUN(hash_large);
    RUN(hash_paths_equal);
    RUN(hash_unaligned);
    RUN(hash_every_byte);
    RUN(stream_splits);
    RUN(stream_two_pieces);
    RUN(stream_large);
    RUN(peer_equal);
    RUN(crc_vectors);
    RUN(crc_paths_equal);
    RUN(crc_chain);
    return CHECK_END();
}
