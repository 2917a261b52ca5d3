/* pool/buffers_data.h: reading and writing buffers within their bounds, typed and compressed. */
#ifndef AIMI_POOL_BUFFERS_DATA_H
#define AIMI_POOL_BUFFERS_DATA_H

#include "pool/buffers_use.h"

/* ---- bytes ---- */

/* What the bytes that a compressed buffer takes have become. */
AIMC_FN void aimi_pool_packed_recount(aimem_buffers *b, aimi_pool_buffer *s) {
    if (s->packed->stored == s->capacity) return;
    aimi_pool_buffers_uncount(b, s);
    b->info.held_bytes -= s->capacity;
    s->capacity = s->packed->stored;
    aimi_pool_buffers_hold(b, s->capacity);
    aimi_pool_buffers_count(b, s);
}

/* [offset, offset + size) of s to dst, or from src, or to zeros when both are NULL; inside. */
AIMC_FN aimem_result aimi_pool_buffers_copy(aimem_buffers *b, aimi_pool_buffer *s, size_t offset,
                                            size_t size, void *dst, const void *src) {
    aimem_result r = AIMEM_OK;
    if (s == NULL) return AIMEM_ERR_STALE;
    if (offset > s->size || size > s->size - offset) return AIMEM_ERR_RANGE;
    if (size == 0) return AIMEM_OK;
    if (s->packed != NULL) {
        if (dst != NULL) {
            r = aimi_pool_packed_read(b, s->packed, offset, (unsigned char *)dst, size);
        } else {
            r = aimi_pool_packed_write(b, s->packed, offset, (const unsigned char *)src, size);
        }
        aimi_pool_packed_recount(b, s);
    } else if (dst != NULL) {
        memmove(dst, s->data + offset, size);
    } else if (src != NULL) {
        memmove(s->data + offset, src, size);
    } else {
        memset(s->data + offset, 0, size);
    }
    return r;
}

AIMEM_POOL_API aimem_result aimem_buffers_read(aimem_buffers *buffers, aimem_buffer buffer,
                                               size_t offset, void *dst, size_t size) {
    aimem_result r = aimi_pool_buffers_enter(buffers);
    if (r != AIMEM_OK) return r;
    if (dst == NULL && size != 0) r = AIMEM_ERR_INVALID;
    else r = aimi_pool_buffers_copy(buffers, aimi_pool_buffer_of(buffers, buffer), offset, size,
                                    dst, NULL);
    return aimi_pool_buffers_done(buffers, "read", buffer.id, r);
}

AIMEM_POOL_API aimem_result aimem_buffers_write(aimem_buffers *buffers, aimem_buffer buffer,
                                                size_t offset, const void *src, size_t size) {
    aimem_result r = aimi_pool_buffers_enter(buffers);
    if (r != AIMEM_OK) return r;
    if (src == NULL && size != 0) r = AIMEM_ERR_INVALID;
    else r = aimi_pool_buffers_copy(buffers, aimi_pool_buffer_of(buffers, buffer), offset, size,
                                    NULL, src);
    return aimi_pool_buffers_done(buffers, "write", buffer.id, r);
}

AIMEM_POOL_API aimem_result aimem_buffers_clear(aimem_buffers *buffers, aimem_buffer buffer,
                                                size_t offset, size_t size) {
    aimem_result r = aimi_pool_buffers_enter(buffers);
    if (r != AIMEM_OK) return r;
    r = aimi_pool_buffers_copy(buffers, aimi_pool_buffer_of(buffers, buffer), offset, size, NULL,
                               NULL);
    return aimi_pool_buffers_done(buffers, "clear", buffer.id, r);
}

/* ---- elements ---- */

/* Bytes of one element that can be addressed; 0: none. */
AIMC_FN size_t aimi_pool_element(aimem_dtype dtype) {
    if (dtype == 0 || dtype == AIMEM_DTYPE_B1 || dtype == AIMEM_DTYPE_Q8_0 ||
        dtype == AIMEM_DTYPE_Q4_0) {
        return 0;
    }
    return aimem_buffers_bytes_of(dtype, 1);
}

/* Element index of s, to dst or from src; inside. */
AIMC_FN aimem_result aimi_pool_buffers_element(aimem_buffers *b, aimi_pool_buffer *s, size_t index,
                                               void *dst, const void *src) {
    size_t one;
    if (s == NULL) return AIMEM_ERR_STALE;
    one = aimi_pool_element(s->dtype);
    if (one == 0) return AIMEM_ERR_UNSUPPORTED;
    if (index >= s->size / one) return AIMEM_ERR_RANGE;
    return aimi_pool_buffers_copy(b, s, index * one, one, dst, src);
}

AIMEM_POOL_API aimem_result aimem_buffers_get(aimem_buffers *buffers, aimem_buffer buffer,
                                              size_t index, void *out) {
    aimem_result r = aimi_pool_buffers_enter(buffers);
    if (r != AIMEM_OK) return r;
    r = aimi_pool_buffers_element(buffers, aimi_pool_buffer_of(buffers, buffer), index, out, NULL);
    return aimi_pool_buffers_done(buffers, "get", buffer.id, r);
}

AIMEM_POOL_API aimem_result aimem_buffers_put(aimem_buffers *buffers, aimem_buffer buffer,
                                              size_t index, const void *value) {
    aimem_result r = aimi_pool_buffers_enter(buffers);
    if (r != AIMEM_OK) return r;
    r = aimi_pool_buffers_element(buffers, aimi_pool_buffer_of(buffers, buffer), index, NULL,
                                  value);
    return aimi_pool_buffers_done(buffers, "put", buffer.id, r);
}

AIMEM_POOL_API aimem_result aimem_buffers_get_at(aimem_buffers *buffers, aimem_buffer buffer,
                                                 aimem_dtype dtype, size_t offset, void *out) {
    size_t one = aimi_pool_element(dtype);
    return one == 0 ? AIMEM_ERR_UNSUPPORTED
                    : aimem_buffers_read(buffers, buffer, offset, out, one);
}

AIMEM_POOL_API aimem_result aimem_buffers_put_at(aimem_buffers *buffers, aimem_buffer buffer,
                                                 aimem_dtype dtype, size_t offset,
                                                 const void *value) {
    size_t one = aimi_pool_element(dtype);
    return one == 0 ? AIMEM_ERR_UNSUPPORTED
                    : aimem_buffers_write(buffers, buffer, offset, value, one);
}

/* ---- numbers: conversions by bits, so that no compiler flag changes them ---- */

/* A small float with the given bits of exponent and fraction as a double; exact. */
AIMC_FN double aimi_pool_widen(uint32_t x, uint32_t exponent_bits, uint32_t fraction_bits) {
    uint64_t bits = (uint64_t)(x >> (exponent_bits + fraction_bits)) << 63;
    uint64_t fraction = x & ((1u << fraction_bits) - 1);
    uint32_t most = (1u << exponent_bits) - 1, exponent = x >> fraction_bits & most;
    double d;
    if (exponent == most) {
        bits |= (uint64_t)2047 << 52;
    } else if (exponent != 0 || fraction != 0) {
        uint32_t shift = 0; /* subnormals are brought to the form 1.f */
        if (exponent == 0) {
            exponent = 1;
            while ((fraction << shift >> fraction_bits) == 0) shift++;
            fraction = fraction << shift & ((1u << fraction_bits) - 1);
        }
        bits |= (uint64_t)(exponent + 1023 - most / 2 - shift) << 52;
    }
    bits |= fraction << (52 - fraction_bits);
    memcpy(&d, &bits, sizeof d);
    return d;
}

/* x >> shift, rounded to nearest, ties to even; shift 1 to 63. */
AIMC_INLINE uint64_t aimi_pool_shift_even(uint64_t x, uint32_t shift) {
    uint64_t low = x & (((uint64_t)1 << shift) - 1), half = (uint64_t)1 << (shift - 1);
    x >>= shift;
    return x + (low > half || (low == half && (x & 1) != 0));
}

/* The bits of a double, rounded once to a small float with the given bits of exponent and
   fraction; a NaN stays one. Overflow carries from the fraction into the exponent, and from there
   into infinity. */
AIMC_FN uint32_t aimi_pool_round_bits(uint64_t d, uint32_t exponent_bits, uint32_t fraction_bits) {
    uint32_t sign = (uint32_t)(d >> 63) << (exponent_bits + fraction_bits);
    int32_t bias = (1 << (exponent_bits - 1)) - 1, exponent = (int32_t)(d >> 52 & 2047) - 1023;
    uint64_t fraction = d & (((uint64_t)1 << 52) - 1);
    uint32_t infinity = ((1u << exponent_bits) - 1) << fraction_bits, shift = 52 - fraction_bits;
    if (exponent == 1024) {
        return sign | infinity | (fraction != 0 ? 1u << (fraction_bits - 1) : 0);
    }
    if (exponent > bias) return sign | infinity;
    if (exponent > -bias) {
        fraction |= (uint64_t)(uint32_t)(exponent + bias) << 52;
        return sign | (uint32_t)aimi_pool_shift_even(fraction, shift);
    }
    if (exponent < -bias - (int32_t)fraction_bits) return sign;
    fraction |= (uint64_t)1 << 52; /* subnormal in the small type */
    return sign | (uint32_t)aimi_pool_shift_even(fraction, shift + (uint32_t)(1 - bias - exponent));
}

/* value, rounded to nearest (ties to even) and clamped to [least, greatest]; 0 for NaN. */
AIMC_FN int64_t aimi_pool_to_integer(double value, double least, double greatest) {
    uint64_t bits;
    int64_t whole;
    double rest;
    memcpy(&bits, &value, sizeof bits);
    if ((bits & 0x7FFFFFFFFFFFFFFFu) > 0x7FF0000000000000u) return 0;
    if (value <= least) return (int64_t)least;
    if (value >= greatest) return greatest >= 9223372036854775807.0 ? INT64_MAX : (int64_t)greatest;
    whole = (int64_t)value;
    rest = value - (double)whole;
    if (rest > 0.5 || (rest >= 0.5 && (whole & 1) != 0)) whole++;
    if (rest < -0.5 || (rest <= -0.5 && (whole & 1) != 0)) whole--;
    return whole;
}

AIMC_FN uint64_t aimi_pool_to_u64(double value) {
    if (value < 9223372036854775808.0) {
        return (uint64_t)aimi_pool_to_integer(value, 0.0, 9223372036854775807.0);
    }
    return value < 18446744073709551616.0 ? (uint64_t)value : UINT64_MAX;
}

/* One element at p as a double. */
AIMC_FN double aimi_pool_number_load(aimem_dtype dtype, const void *p) {
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    double d;
    switch (dtype) {
    case AIMEM_DTYPE_U8:
    case AIMEM_DTYPE_BOOL: memcpy(&u8, p, 1); return (double)u8;
    case AIMEM_DTYPE_I8: memcpy(&u8, p, 1); return (double)(int8_t)u8;
    case AIMEM_DTYPE_U16: memcpy(&u16, p, 2); return (double)u16;
    case AIMEM_DTYPE_I16: memcpy(&u16, p, 2); return (double)(int16_t)u16;
    case AIMEM_DTYPE_U32: memcpy(&u32, p, 4); return (double)u32;
    case AIMEM_DTYPE_I32: memcpy(&u32, p, 4); return (double)(int32_t)u32;
    case AIMEM_DTYPE_U64: memcpy(&u64, p, 8); return (double)u64;
    case AIMEM_DTYPE_I64: memcpy(&u64, p, 8); return (double)(int64_t)u64;
    case AIMEM_DTYPE_F16: memcpy(&u16, p, 2); return aimi_pool_widen(u16, 5, 10);
    case AIMEM_DTYPE_BF16: memcpy(&u16, p, 2); return aimi_pool_widen(u16, 8, 7);
    case AIMEM_DTYPE_F32: memcpy(&u32, p, 4); return aimi_pool_widen(u32, 8, 23);
    default: memcpy(&d, p, 8); return d;
    }
}

/* The low bytes of bits at p, as the machine keeps integers of that size. */
AIMC_FN void aimi_pool_bits_store(void *p, uint64_t bits, size_t size) {
    uint32_t u32 = (uint32_t)bits;
    uint16_t u16 = (uint16_t)bits;
    uint8_t u8 = (uint8_t)bits;
    if (size == 8) memcpy(p, &bits, 8);
    else if (size == 4) memcpy(p, &u32, 4);
    else if (size == 2) memcpy(p, &u16, 2);
    else memcpy(p, &u8, 1);
}

/* value as one element at p; the type has elements. */
AIMC_FN void aimi_pool_number_store(aimem_dtype dtype, void *p, double value) {
    uint64_t bits;
    int64_t i = 0;
    memcpy(&bits, &value, sizeof bits);
    switch (dtype) {
    case AIMEM_DTYPE_U8: i = aimi_pool_to_integer(value, 0, 255); break;
    case AIMEM_DTYPE_I8: i = aimi_pool_to_integer(value, -128, 127); break;
    case AIMEM_DTYPE_U16: i = aimi_pool_to_integer(value, 0, 65535); break;
    case AIMEM_DTYPE_I16: i = aimi_pool_to_integer(value, -32768, 32767); break;
    case AIMEM_DTYPE_U32: i = aimi_pool_to_integer(value, 0, 4294967295.0); break;
    case AIMEM_DTYPE_I32: i = aimi_pool_to_integer(value, -2147483648.0, 2147483647.0); break;
    case AIMEM_DTYPE_I64:
        i = aimi_pool_to_integer(value, -9223372036854775808.0, 9223372036854775807.0);
        break;
    case AIMEM_DTYPE_U64: i = (int64_t)aimi_pool_to_u64(value); break;
    case AIMEM_DTYPE_BOOL: i = bits << 1 != 0; break;
    case AIMEM_DTYPE_F16: i = aimi_pool_round_bits(bits, 5, 10); break;
    case AIMEM_DTYPE_BF16: i = aimi_pool_round_bits(bits, 8, 7); break;
    case AIMEM_DTYPE_F32: i = aimi_pool_round_bits(bits, 8, 23); break;
    default: i = (int64_t)bits; break;
    }
    aimi_pool_bits_store(p, (uint64_t)i, aimi_pool_element(dtype));
}

/* Bit index of a buffer of B1: read into *out, or written from it. */
AIMC_FN aimem_result aimi_pool_buffers_bit(aimem_buffers *b, aimi_pool_buffer *s, size_t index,
                                           bool write, double *out) {
    unsigned char byte, bit = (unsigned char)(1u << (index & 7));
    uint64_t bits;
    aimem_result r;
    if (index / 8 >= s->size) return AIMEM_ERR_RANGE;
    r = aimi_pool_buffers_copy(b, s, index / 8, 1, &byte, NULL);
    if (r != AIMEM_OK || !write) {
        *out = r == AIMEM_OK && (byte & bit) != 0 ? 1.0 : 0.0;
        return r;
    }
    memcpy(&bits, out, sizeof bits);
    byte = (unsigned char)(bits << 1 != 0 ? byte | bit : byte & ~bit);
    return aimi_pool_buffers_copy(b, s, index / 8, 1, NULL, &byte);
}

AIMEM_POOL_API aimem_result aimem_buffers_get_number(aimem_buffers *buffers, aimem_buffer buffer,
                                                     size_t index, double *out) {
    unsigned char element[8];
    aimi_pool_buffer *s;
    aimem_result r;
    *out = 0.0;
    r = aimi_pool_buffers_enter(buffers);
    if (r != AIMEM_OK) return r;
    s = aimi_pool_buffer_of(buffers, buffer);
    if (s != NULL && s->dtype == AIMEM_DTYPE_B1) {
        r = aimi_pool_buffers_bit(buffers, s, index, false, out);
    } else {
        r = aimi_pool_buffers_element(buffers, s, index, element, NULL);
        if (r == AIMEM_OK) *out = aimi_pool_number_load(s->dtype, element);
    }
    return aimi_pool_buffers_done(buffers, "get_number", buffer.id, r);
}

AIMEM_POOL_API aimem_result aimem_buffers_put_number(aimem_buffers *buffers, aimem_buffer buffer,
                                                     size_t index, double value) {
    unsigned char element[8];
    aimi_pool_buffer *s;
    aimem_result r = aimi_pool_buffers_enter(buffers);
    if (r != AIMEM_OK) return r;
    s = aimi_pool_buffer_of(buffers, buffer);
    if (s != NULL && s->dtype == AIMEM_DTYPE_B1) {
        r = aimi_pool_buffers_bit(buffers, s, index, true, &value);
    } else {
        memset(element, 0, sizeof element);
        if (s != NULL && aimi_pool_element(s->dtype) != 0) {
            aimi_pool_number_store(s->dtype, element, value);
        }
        r = aimi_pool_buffers_element(buffers, s, index, NULL, element);
    }
    return aimi_pool_buffers_done(buffers, "put_number", buffer.id, r);
}

/* ---- compressing ---- */

/* s, whose memory or former entries are given back here, has its bytes in p from now on. */
AIMC_FN void aimi_pool_buffers_set_packed(aimem_buffers *b, aimi_pool_buffer *s,
                                          aimi_pool_packed *p) {
    aimi_pool_buffers_uncount(b, s);
    if (s->packed != NULL) {
        b->info.held_bytes -= s->capacity;
        aimi_pool_packed_free(b, s->packed);
    } else {
        aimi_pool_buffers_unplace(b, s);
    }
    s->packed = p;
    s->capacity = p->stored;
    aimi_pool_buffers_hold(b, s->capacity);
    aimi_pool_buffers_count(b, s);
}

AIMEM_POOL_API aimem_result aimem_buffers_compress(aimem_buffers *buffers, aimem_buffer buffer,
                                                   const aimem_codec *codec, int level,
                                                   size_t chunk, size_t *stored) {
    aimem_buffers *b = buffers;
    aimi_pool_buffer *s;
    aimem_result r;
    if (stored != NULL) *stored = 0;
    if (codec == NULL || codec->bound_fn == NULL || codec->compress_fn == NULL ||
        codec->decompress_fn == NULL || level < 0 || level > 9) {
        return AIMEM_ERR_INVALID;
    }
    r = aimi_pool_buffers_enter(b);
    if (r != AIMEM_OK) return r;
    s = aimi_pool_buffer_of(b, buffer);
    if (s == NULL) {
        r = AIMEM_ERR_STALE;
    } else if (s->lender != NULL) {
        r = AIMEM_ERR_UNSUPPORTED;
    } else {
        size_t length = aimc_min_size(chunk != 0 ? chunk : 65536, s->size);
        aimi_pool_packed *p = aimi_pool_packed_new(b, s->size, codec, level != 0 ? level : 6,
                                                   length);
        r = p == NULL ? AIMEM_ERR_NOMEM : aimi_pool_packed_fill(b, p, s->data, s->packed);
        if (r == AIMEM_OK) {
            aimi_pool_buffers_set_packed(b, s, p);
            if (stored != NULL) *stored = s->capacity;
        } else {
            aimi_pool_packed_free(b, p);
        }
    }
    return aimi_pool_buffers_done(b, "compress", buffer.id, r);
}

/* Plain memory for compressed buffer s; inside. */
AIMC_FN aimem_result aimi_pool_buffers_unpack(aimem_buffers *b, aimi_pool_buffer *s) {
    aimi_pool_buffer plain = *s;
    bool asked;
    aimem_result r = aimi_pool_buffers_place(b, &plain, &asked);
    if (r != AIMEM_OK) return r;
    r = aimi_pool_packed_read(b, s->packed, 0, plain.data, s->size);
    if (r != AIMEM_OK) {
        aimi_pool_buffers_unplace(b, &plain);
        return r;
    }
    aimi_pool_buffers_uncount(b, s);
    b->info.held_bytes -= s->capacity;
    aimi_pool_packed_free(b, s->packed);
    *s = plain;
    s->packed = NULL;
    aimi_pool_buffers_count(b, s);
    aimi_pool_range_settle(b);
    return AIMEM_OK;
}

AIMEM_POOL_API aimem_result aimem_buffers_decompress(aimem_buffers *buffers, aimem_buffer buffer) {
    aimi_pool_buffer *s;
    aimem_result r = aimi_pool_buffers_enter(buffers);
    if (r != AIMEM_OK) return r;
    s = aimi_pool_buffer_of(buffers, buffer);
    if (s == NULL) r = AIMEM_ERR_STALE;
    else if (s->packed != NULL) r = aimi_pool_buffers_unpack(buffers, s);
    return aimi_pool_buffers_done(buffers, "decompress", buffer.id, r);
}

#endif
