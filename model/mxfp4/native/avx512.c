/* The kernels for AVX-512 with VNNI: 64 bytes of weights at a time. */
#include "kernels.h"

#include <math.h>

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni"))), apply_to = function)
#define INLINE static inline __attribute__((always_inline))
#define WIDE 4 /* groups in 64 bytes */

/* The scales of four groups, each for its four lanes. */
INLINE __m512 scales_of(const uint8_t *scales, int left) {
    uint32_t four = 0;
    if (left >= WIDE) memcpy(&four, scales, WIDE);
    else for (int i = 0; i < left; i++) four |= (uint32_t)scales[i] << (8 * i);
    __m128i spread = _mm_setr_epi8(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
    __m128i each = _mm_shuffle_epi8(_mm_cvtsi32_si128((int)four), spread);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu8_epi32(each), 23));
}

/* Four weights of each 16 bits: the table has every value twice, so the bit above a nibble makes no difference. */
INLINE void weights_of(__m512i both, __m512i table, __m512i *weights) {
    weights[0] = _mm512_permutexvar_epi16(both, table);
    weights[1] = _mm512_permutexvar_epi16(_mm512_srli_epi16(both, 4), table);
    weights[2] = _mm512_permutexvar_epi16(_mm512_srli_epi16(both, 8), table);
    weights[3] = _mm512_permutexvar_epi16(_mm512_srli_epi16(both, 12), table);
}

INLINE void mxfp4_of(const uint8_t *blocks, const uint8_t *scales, int groups, const Token *tokens, const int n, float *out) {
    const __m128i values = _mm_setr_epi8(0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12);
    const __m512i table = _mm512_cvtepi8_epi16(_mm256_broadcastsi128_si256(values));
    const size_t size = (size_t)groups * HALF, ahead = ahead_of(2 * size);
    __m512 sums[2][TILE];
    for (int row = 0; row < 2; row++)
        for (int t = 0; t < n; t++) sums[row][t] = _mm512_setzero_ps();
    for (int near = 0; near < 2 * groups; near += 64) _mm_prefetch((const char *)scales + ahead / HALF + near, _MM_HINT_T0);
    for (int g = 0; g < groups; g += WIDE) {
        int left = groups - g;
        __mmask64 there = left >= WIDE ? ~0ull : (1ull << (HALF * left)) - 1;
        __m512i weights[2][4];
        __m512 scale[2];
        for (int row = 0; row < 2; row++) {
            const uint8_t *at = blocks + row * size + (size_t)g * HALF;
            _mm_prefetch((const char *)at + ahead, _MM_HINT_T0);
            weights_of(_mm512_maskz_loadu_epi8(there, at), table, weights[row]);
            scale[row] = scales_of(scales + row * groups + g, left);
        }
        for (int t = 0; t < n; t++) {
            __m512i x[4];
            for (int i = 0; i < 4; i++) x[i] = _mm512_loadu_si512(tokens[t].every[i] + g * EIGHTH);
            __m512 own = _mm512_loadu_ps(tokens[t].scale + g * LANES);
            for (int row = 0; row < 2; row++) {
                __m512i whole = _mm512_madd_epi16(weights[row][0], x[0]);
                for (int i = 1; i < 4; i++) whole = _mm512_dpwssd_epi32(whole, weights[row][i], x[i]);
                sums[row][t] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(whole), _mm512_mul_ps(scale[row], own), sums[row][t]);
            }
        }
    }
    for (int row = 0; row < 2; row++)
        for (int t = 0; t < n; t++) out[row * TILE + t] = _mm512_reduce_add_ps(sums[row][t]);
}

INLINE __m512 sixteen_int8(const int8_t *at) {
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)at)));
}

INLINE __m512 sixteen_bf16(const uint16_t *at) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)at)), 16));
}

INLINE void int8_of(const int8_t *weights, const uint16_t *scales, int columns, const float *const *x, const int n, float *out) {
    const size_t ahead = ahead_of(2 * (size_t)columns);
    const int groups = columns / FINE;
    __m512 sums[2][TILE];
    for (int row = 0; row < 2; row++)
        for (int t = 0; t < n; t++) sums[row][t] = _mm512_setzero_ps();
    for (int near = 0; near < 4 * groups; near += 64) _mm_prefetch((const char *)scales + ahead / (FINE / 2) + near, _MM_HINT_T0);
    for (int g = 0; g < groups; g += 2) {
        for (int row = 0; row < 2; row++) {
            const int8_t *at = weights + (size_t)row * columns + (size_t)g * FINE;
            if (g % 4 == 0) _mm_prefetch((const char *)at + ahead, _MM_HINT_T0);
            __m512 first = sixteen_int8(at), second = sixteen_int8(at + 16);
            const uint16_t *scale = scales + (size_t)row * groups + g;
            first = _mm512_mul_ps(first, _mm512_set1_ps(of_bf16(scale[0])));
            second = _mm512_mul_ps(second, _mm512_set1_ps(of_bf16(scale[1])));
            for (int t = 0; t < n; t++) {
                sums[row][t] = _mm512_fmadd_ps(first, _mm512_loadu_ps(x[t] + g * FINE), sums[row][t]);
                sums[row][t] = _mm512_fmadd_ps(second, _mm512_loadu_ps(x[t] + g * FINE + 16), sums[row][t]);
            }
        }
    }
    for (int row = 0; row < 2; row++)
        for (int t = 0; t < n; t++) out[row * TILE + t] = _mm512_reduce_add_ps(sums[row][t]);
}

INLINE void bf16_of(const uint16_t *weights, int columns, const float *const *x, const int n, float *out) {
    const size_t ahead = ahead_of(4 * (size_t)columns);
    __m512 sums[2][TILE];
    for (int row = 0; row < 2; row++)
        for (int t = 0; t < n; t++) sums[row][t] = _mm512_setzero_ps();
    for (int i = 0; i < columns; i += GROUP) {
        for (int row = 0; row < 2; row++) {
            const uint16_t *at = weights + (size_t)row * columns + i;
            _mm_prefetch((const char *)at + ahead, _MM_HINT_T0);
            __m512 first = sixteen_bf16(at), second = sixteen_bf16(at + 16);
            for (int t = 0; t < n; t++) {
                sums[row][t] = _mm512_fmadd_ps(first, _mm512_loadu_ps(x[t] + i), sums[row][t]);
                sums[row][t] = _mm512_fmadd_ps(second, _mm512_loadu_ps(x[t] + i + 16), sums[row][t]);
            }
        }
    }
    for (int row = 0; row < 2; row++)
        for (int t = 0; t < n; t++) out[row * TILE + t] = _mm512_reduce_add_ps(sums[row][t]);
}

/* One copy for each number of tokens, so that the sums stay in registers. */
#include "tiles.h"
#define FLOATS 16
#include "attention.h"
const Kernels avx512_kernels = {"AVX-512", mxfp4, int8, bf16, score, weigh, gather};

#pragma clang attribute pop
#endif
