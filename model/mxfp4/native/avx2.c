/* The kernels for AVX2 with FMA: 32 bytes of weights at a time. */
#include "kernels.h"

#include <math.h>

#if defined(__x86_64__)
#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#define INLINE static inline __attribute__((always_inline))
#define WIDE 4  /* groups in 64 bytes */
#define PART 32 /* groups that are done of both rows, in turn */

INLINE float sum_of(__m256 eight) {
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    four = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(four, _mm_movehdup_ps(four)));
}

/* Four weights of each 16 bits, times 256: so a byte that is looked up has only to come to the top. */
INLINE void weights_of(__m256i both, __m256i table, __m256i *weights) {
    const __m256i nibble = _mm256_set1_epi8(15), top = _mm256_set1_epi16((short)0xff00);
    __m256i low = _mm256_shuffle_epi8(table, _mm256_and_si256(both, nibble));
    __m256i high = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(both, 4), nibble));
    weights[0] = _mm256_slli_epi16(low, 8);
    weights[1] = _mm256_slli_epi16(high, 8);
    weights[2] = _mm256_and_si256(low, top);
    weights[3] = _mm256_and_si256(high, top);
}

/* Eight sums of products with what a token has there, which is the next values of each of four parts. */
INLINE __m256i products(const __m256i *weights, const __m256i *x) {
    __m256i whole = _mm256_madd_epi16(weights[0], _mm256_loadu_si256(x));
    for (int i = 1; i < 4; i++) whole = _mm256_add_epi32(whole, _mm256_madd_epi16(weights[i], _mm256_loadu_si256(x + 2 * i)));
    return whole;
}

/* Adds the products of two groups, or of one that is left, by their exponents, each at the top of four lanes. */
INLINE void add_two(const uint8_t *blocks, __m256i exponents, const Token *tokens, int g, const int left, const int n, __m256 *sums) {
    const __m256i table = _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12));
    __m256i weights[4], both = left > 1 ? _mm256_loadu_si256((const __m256i *)blocks)
                                        : _mm256_zextsi128_si256(_mm_loadu_si128((const __m128i *)blocks));
    weights_of(both, table, weights);
    __m256 scale = _mm256_castsi256_ps(_mm256_srli_epi32(exponents, 1));
    for (int t = 0; t < n; t++) {
        __m256i whole = products(weights, (const __m256i *)(tokens[t].values + values_at(g, 0)));
        __m256 own = _mm256_mul_ps(scale, _mm256_loadu_ps(tokens[t].scale + g * LANES));
        sums[t] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(whole), own, sums[t]);
    }
}

INLINE void add_groups(const uint8_t *blocks, const uint8_t *scales, const Token *tokens, int g, const int left, const int n, __m256 *sums) {
    const __m256i first = _mm256_setr_epi32(0x00808080, 0x00808080, 0x00808080, 0x00808080, 0x01808080, 0x01808080, 0x01808080, 0x01808080);
    __m256i all = _mm256_set1_epi32((int)four_of(scales, left)), second = _mm256_add_epi32(first, _mm256_set1_epi32(2 << 24));
    add_two(blocks, _mm256_shuffle_epi8(all, first), tokens, g, left, n, sums);
    if (left > 2) add_two(blocks + 2 * HALF, _mm256_shuffle_epi8(all, second), tokens, g + 2, left - 2, n, sums);
}

/* Row after row, as there are few registers; a part of both at a time, so that what tokens have there is still near. */
INLINE void mxfp4_of(const uint8_t *blocks, const uint8_t *scales, int groups, const Token *tokens, const int n, float *out) {
    const size_t size = (size_t)groups * HALF, ahead = ahead_of(2 * size);
    for (int near = 0; near < 2 * groups; near += 64) _mm_prefetch((const char *)scales + ahead / HALF + near, _MM_HINT_T0);
    __m256 sums[2][TILE];
    for (int row = 0; row < 2; row++)
        for (int t = 0; t < n; t++) sums[row][t] = _mm256_setzero_ps();
    for (int begin = 0; begin < groups; begin += PART) {
        int end = smaller(begin + PART, groups);
        for (int row = 0; row < 2; row++) {
            const uint8_t *at = blocks + row * size, *own = scales + row * groups;
            int g = begin;
            for (; g + WIDE <= end; g += WIDE) {
                _mm_prefetch((const char *)at + ahead + (size_t)g * HALF, _MM_HINT_T0);
                add_groups(at + (size_t)g * HALF, own + g, tokens, g, WIDE, n, sums[row]);
            }
            if (g < end) add_groups(at + (size_t)g * HALF, own + g, tokens, g, end - g, n, sums[row]);
        }
    }
    for (int row = 0; row < 2; row++)
        for (int t = 0; t < n; t++) out[row * TILE + t] = sum_of(sums[row][t]) / 256;
}

/* The scales of half the groups of a round, each twice. */
INLINE __m256 fine_scales(const uint16_t *scales) {
    __m128i four = _mm_loadl_epi64((const __m128i *)scales);
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_unpacklo_epi16(four, four)), 16));
}

INLINE __m256 eight_bf16(const uint16_t *at) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)at)), 16));
}

/* Where the first values lie of half the groups of a round, the first half or the other. */
INLINE int half_at(int at) { return at / ROUND * ROUND + at % ROUND / FINE * 4; }

INLINE void int8_of(const int8_t *weights, const uint16_t *scales, int columns, const int16_t *const *x, const int n, float *out) {
    const size_t ahead = ahead_of(2 * (size_t)columns);
    const int groups = columns / FINE;
    __m256 sums[2][TILE];
    for (int row = 0; row < 2; row++)
        for (int t = 0; t < n; t++) sums[row][t] = _mm256_setzero_ps();
    for (int near = 0; near < 4 * groups; near += 64) _mm_prefetch((const char *)scales + ahead / (FINE / 2) + near, _MM_HINT_T0);
    for (int at = 0; at < columns; at += ROUND / 2) {
        for (int row = 0; row < 2; row++) {
            /* In the order of addresses, not of rows: memory is faster so. */
            _mm_prefetch((const char *)weights + ahead + 2 * at + row * ROUND / 2, _MM_HINT_T0);
            const int8_t *half = weights + (size_t)row * columns + half_at(at);
            __m256i wide[4];
            for (int i = 0; i < 4; i++) wide[i] = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(half + i * 4 * FINES)));
            __m256 scale = fine_scales(scales + (size_t)row * groups + at / FINE);
            for (int t = 0; t < n; t++) {
                const int16_t *own = x[t] + half_at(at);
                __m256i whole = _mm256_madd_epi16(wide[0], _mm256_loadu_si256((const __m256i *)own));
                for (int i = 1; i < 4; i++) {
                    __m256i more = _mm256_loadu_si256((const __m256i *)(own + i * 4 * FINES));
                    whole = _mm256_add_epi32(whole, _mm256_madd_epi16(wide[i], more));
                }
                sums[row][t] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(whole), scale, sums[row][t]);
            }
        }
    }
    for (int row = 0; row < 2; row++)
        for (int t = 0; t < n; t++) out[row * TILE + t] = sum_of(sums[row][t]);
}

INLINE void bf16_of(const uint16_t *weights, int columns, const float *const *x, const int n, float *out) {
    const size_t ahead = ahead_of(4 * (size_t)columns);
    __m256 sums[2][TILE];
    for (int row = 0; row < 2; row++)
        for (int t = 0; t < n; t++) sums[row][t] = _mm256_setzero_ps();
    for (int i = 0; i < columns; i += 8) {
        for (int row = 0; row < 2; row++) {
            const uint16_t *at = weights + (size_t)row * columns + i;
            if (i % 32 == 0) _mm_prefetch((const char *)at + ahead, _MM_HINT_T0);
            __m256 eight = eight_bf16(at);
            for (int t = 0; t < n; t++) sums[row][t] = _mm256_fmadd_ps(eight, _mm256_loadu_ps(x[t] + i), sums[row][t]);
        }
    }
    for (int row = 0; row < 2; row++)
        for (int t = 0; t < n; t++) out[row * TILE + t] = sum_of(sums[row][t]);
}

#include "tiles.h"
#define FLOATS 8
#include "attention.h"
const Kernels avx2_kernels = {"AVX2", quantise, mxfp4, NULL, int8, NULL, bf16, score, weigh, gather, halve};

#pragma clang attribute pop
#endif
