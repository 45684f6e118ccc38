/* The kernels for AVX-512 with VNNI: 64 bytes of weights at a time. */
#include "kernels.h"

#include <math.h>

#if defined(__x86_64__)
#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni"))), apply_to = function)
#define INLINE static inline __attribute__((always_inline))
#define WIDE 4       /* groups in 64 bytes */
#define LINE_SIZE 64 /* bytes that memory gives at once */
#define GREATEST 253 /* exponent of a scale, + 127, with which every weight has a number in bf16 */

/* The scales of four groups, each for its four lanes: a byte comes to the top of each, and one bit down. */
INLINE __m512 scales_of(const uint8_t *scales, const int left) {
    const int first = 0x00808080, second = 0x01808080, third = 0x02808080, fourth = 0x03808080;
    const __m512i tops = _mm512_setr_epi32(first, first, first, first, second, second, second, second, third, third, third, third,
                                           fourth, fourth, fourth, fourth);
    return _mm512_castsi512_ps(_mm512_srli_epi32(_mm512_shuffle_epi8(_mm512_set1_epi32((int)four_of(scales, left)), tops), 1));
}

/* Four groups, or as many as are left. */
INLINE __m512i four_groups(const uint8_t *at, const int left) {
    return left >= WIDE ? _mm512_loadu_si512(at) : _mm512_maskz_loadu_epi8((1ull << (HALF * left)) - 1, at);
}

/* Four weights of each 16 bits: the table has every value twice, so the bit above a nibble makes no difference. */
INLINE void weights_of(__m512i both, __m512i table, __m512i *weights) {
    weights[0] = _mm512_permutexvar_epi16(both, table);
    weights[1] = _mm512_permutexvar_epi16(_mm512_srli_epi16(both, 4), table);
    weights[2] = _mm512_permutexvar_epi16(_mm512_srli_epi16(both, 8), table);
    weights[3] = _mm512_permutexvar_epi16(_mm512_srli_epi16(both, 12), table);
}

/* Adds products of two and two values to those in each lane. */
typedef __m512i Multiply(__m512i products, __m512i weights, __m512i x);

/* In one instruction, where computing takes the time: of the intrinsic the compiler makes several. */
INLINE __m512i multiply_whole(__m512i products, __m512i weights, __m512i x) {
    __asm__("vpdpwssd %2, %1, %0" : "+v"(products) : "v"(weights), "v"(x));
    return products;
}

/* As the compiler has it, where memory is waited for: what waits for nothing else leaves room for more of what does. */
INLINE __m512i multiply_apart(__m512i products, __m512i weights, __m512i x) { return _mm512_dpwssd_epi32(products, weights, x); }

/* Adds the products of four groups of two rows with a token's values to the sums of both. */
typedef void Add(__m512i weights[2][4], const __m512 *scales, const Token *token, int g, __m512 *sums);

INLINE void add_by(Multiply *multiply, __m512i weights[2][4], const __m512 *scales, const Token *token, int g, __m512 *sums) {
    __m512i x[4];
    for (int i = 0; i < 4; i++) x[i] = _mm512_loadu_si512(token->values + values_at(g, i));
    __m512 own = _mm512_loadu_ps(token->scale + g * LANES);
    for (int row = 0; row < 2; row++) {
        __m512i whole = _mm512_setzero_si512();
        for (int i = 0; i < 4; i++) whole = multiply(whole, weights[row][i], x[i]);
        sums[row] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(whole), _mm512_mul_ps(scales[row], own), sums[row]);
    }
}

INLINE void add_whole(__m512i weights[2][4], const __m512 *scales, const Token *token, int g, __m512 *sums) {
    add_by(multiply_whole, weights, scales, token, g, sums);
}

INLINE void add_apart(__m512i weights[2][4], const __m512 *scales, const Token *token, int g, __m512 *sums) {
    add_by(multiply_apart, weights, scales, token, g, sums);
}

/* Two rows in MXFP4, and what was added up of them. */
typedef struct {
    const uint8_t *blocks, *scales;
    int groups;
    size_t ahead;
    __m512i table;
    __m512 sums[TILE][2];
} Pair;

INLINE void add_groups(Add *add, Pair *pair, const Token *tokens, int g, const int left, const int n) {
    __m512i weights[2][4];
    __m512 scale[2];
    for (int row = 0; row < 2; row++) {
        const uint8_t *at = pair->blocks + ((size_t)row * pair->groups + g) * HALF;
        /* In the order of addresses, not of rows: memory is faster so. */
        _mm_prefetch((const char *)pair->blocks + pair->ahead + 2 * HALF * g + row * 64, _MM_HINT_T0);
        weights_of(four_groups(at, left), pair->table, weights[row]);
        scale[row] = scales_of(pair->scales + row * pair->groups + g, left);
    }
    for (int t = 0; t < n; t++) add(weights, scale, tokens + t, g, pair->sums[t]);
}

INLINE void mxfp4_by(Add *add, __m512i table, const uint8_t *blocks, const uint8_t *scales, int groups, const Token *tokens, const int n,
                     float *out) {
    Pair pair = {.blocks = blocks, .scales = scales, .groups = groups, .ahead = ahead_of(2 * (size_t)groups * HALF), .table = table};
    for (int t = 0; t < n; t++) pair.sums[t][0] = pair.sums[t][1] = _mm512_setzero_ps();
    for (int near = 0; near < 2 * groups; near += 64) _mm_prefetch((const char *)scales + pair.ahead / HALF + near, _MM_HINT_T0);
    int g = 0;
    for (; g + WIDE <= groups; g += WIDE) add_groups(add, &pair, tokens, g, WIDE, n);
    if (g < groups) add_groups(add, &pair, tokens, g, groups - g, n);
    for (int row = 0; row < 2; row++)
        for (int t = 0; t < n; t++) out[row * TILE + t] = _mm512_reduce_add_ps(pair.sums[t][row]);
}

INLINE __m512i doubled(void) {
    const __m128i values = _mm_setr_epi8(0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12);
    return _mm512_cvtepi8_epi16(_mm256_broadcastsi128_si256(values));
}

INLINE void mxfp4_of(const uint8_t *blocks, const uint8_t *scales, int groups, const Token *tokens, const int n, float *out) {
    mxfp4_by(n == 1 ? add_apart : add_whole, doubled(), blocks, scales, groups, tokens, n, out);
}

INLINE __m512 sixteen_bf16(const uint16_t *at) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)at)), 16));
}

/* Of a round, the scales, each twice. */
INLINE __m512 fine_scales(const uint16_t *scales) {
    const __m256i pairs = _mm256_setr_epi16(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
    const __m512i twice = _mm512_slli_epi32(_mm512_cvtepu16_epi32(pairs), 16); /* to the upper half of each float */
    __m512i eight = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)scales));
    return _mm512_castsi512_ps(_mm512_maskz_permutexvar_epi16(0xaaaaaaaa, twice, eight));
}

/* What of a round comes next. In the order of addresses, not of rows: memory is faster so. */
INLINE void ask_for_round(const int8_t *next) {
    for (int at = 0; at < ROUND; at += LINE_SIZE) _mm_prefetch((const char *)next + at, _MM_HINT_T0);
}

INLINE void ask_for_scales(const uint16_t *scales, size_t ahead, int count) {
    for (int at = 0; at < 2 * count; at += LINE_SIZE) _mm_prefetch((const char *)scales + ahead / (FINE / 2) + at, _MM_HINT_T0);
}

/* One row by one token, as two streams of memory are slower than one. */
INLINE float int8_row(const int8_t *weights, const uint16_t *scales, int columns, const int16_t *x) {
    const size_t ahead = ahead_of(2 * (size_t)columns);
    __m512 sum = _mm512_setzero_ps();
    ask_for_scales(scales, ahead, columns / FINE);
#pragma clang loop unroll_count(2)
    for (int at = 0; at < columns; at += ROUND) {
        const __m256i *round = (const __m256i *)(weights + at);
        const __m512i *own = (const __m512i *)(x + at);
        __m512i whole = _mm512_setzero_si512();
        ask_for_round(weights + ahead + at);
        for (int i = 0; i < ROUND / 32; i++)
            whole = multiply_apart(whole, _mm512_cvtepi8_epi16(_mm256_loadu_si256(round + i)), _mm512_loadu_si512(own + i));
        sum = _mm512_fmadd_ps(_mm512_cvtepi32_ps(whole), fine_scales(scales + at / FINE), sum);
    }
    return _mm512_reduce_add_ps(sum);
}

INLINE void int8_of(const int8_t *weights, const uint16_t *scales, int columns, const int16_t *const *x, const int n, float *out) {
    const size_t ahead = ahead_of(2 * (size_t)columns);
    const int groups = columns / FINE;
    if (n == 1) {
        out[0] = int8_row(weights, scales, columns, *x);
        out[TILE] = int8_row(weights + columns, scales + groups, columns, *x);
        return;
    }
    __m512 sums[TILE][2];
    for (int t = 0; t < n; t++) sums[t][0] = sums[t][1] = _mm512_setzero_ps();
    ask_for_scales(scales, ahead, 2 * groups);
    for (int at = 0; at < columns; at += ROUND) {
        __m512i wide[2][ROUND / 32];
        __m512 scale[2];
        for (int row = 0; row < 2; row++) {
            const __m256i *round = (const __m256i *)(weights + (size_t)row * columns + at);
            ask_for_round(weights + ahead + 2 * at + row * ROUND);
            for (int i = 0; i < ROUND / 32; i++) wide[row][i] = _mm512_cvtepi8_epi16(_mm256_loadu_si256(round + i));
            scale[row] = fine_scales(scales + (size_t)row * groups + at / FINE);
        }
        for (int t = 0; t < n; t++) {
            const __m512i *own = (const __m512i *)(x[t] + at);
            for (int row = 0; row < 2; row++) {
                __m512i whole = _mm512_setzero_si512();
                for (int i = 0; i < ROUND / 32; i++) whole = multiply_whole(whole, wide[row][i], _mm512_loadu_si512(own + i));
                sums[t][row] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(whole), scale[row], sums[t][row]);
            }
        }
    }
    for (int row = 0; row < 2; row++)
        for (int t = 0; t < n; t++) out[row * TILE + t] = _mm512_reduce_add_ps(sums[t][row]);
}

#include "avx512_many.h"

/* A token has one scale for all, which comes later. */
INLINE __m512 join_int8(__m512 sum, __m512i products, const __m512 *scale, const Token *token, int step) {
    (void)token, (void)step;
    return _mm512_fmadd_ps(_mm512_cvtepi32_ps(products), *scale, sum);
}

static void int8_many(const int8_t *weights, const uint16_t *scales, int columns, const Token *tokens, int n, float *out) {
    enum { SIZE = PARTS * PANEL + PANEL };
    const size_t groups = columns / FINE;
    __m512i values[WIDEST / STEP * SIZE];
    for (int at = 0; at < columns; at += ROUND) {
        __m512i *step = values + at / ROUND * SIZE;
        for (int row = 0; row < PANEL; row++) {
            const __m256i *round = (const __m256i *)(weights + (size_t)row * columns + at);
            for (int part = 0; part < PARTS; part++) step[part * PANEL + row] = _mm512_cvtepi8_epi16(_mm256_loadu_si256(round + part));
            step[PARTS * PANEL + row] = (__m512i)fine_scales(scales + row * groups + at / FINE);
        }
    }
    Panel panel = {values, columns / ROUND, SIZE, (const char *)(weights + (size_t)PANEL * columns),
                   (const char *)(scales + PANEL * groups), (size_t)PANEL * columns, PANEL * groups * sizeof(uint16_t)};
    multiply_many(multiply_whole, join_int8, &panel, tokens, n, out);
}

INLINE __m512 join_whole(__m512 sum, __m512i products, const __m512 *scale, const Token *token, int step) {
    __m512 own = _mm512_loadu_ps(token->scale + step * WIDE * LANES);
    return _mm512_fmadd_ps(_mm512_cvtepi32_ps(products), _mm512_mul_ps(*scale, own), sum);
}

/* Unpacks four groups of each row of a step, and their scales if they do not go into the weights. */
typedef void Unpack(__m512i both, const uint8_t *scales, const int left, __m512i *weights, __m512 *scale);

INLINE void mxfp4_many_by(Unpack *unpack, Multiply *multiply, Join *join, const uint8_t *blocks, const uint8_t *scales, int groups,
                          const Token *tokens, int n, float *out) {
    enum { SIZE = PARTS * PANEL + PANEL };
    __m512i values[WIDEST / STEP * SIZE];
    for (int g = 0; g < groups; g += WIDE) {
        __m512i *step = values + g / WIDE * SIZE;
        for (int row = 0; row < PANEL; row++) {
            const uint8_t *at = blocks + ((size_t)row * groups + g) * HALF;
            __m512i weights[PARTS];
            unpack(four_groups(at, groups - g), scales + row * groups + g, groups - g, weights, (__m512 *)step + PARTS * PANEL + row);
            for (int part = 0; part < PARTS; part++) step[part * PANEL + row] = weights[part];
        }
    }
    size_t all = (size_t)PANEL * groups;
    Panel panel = {values, (groups + WIDE - 1) / WIDE, SIZE, (const char *)blocks + all * HALF, (const char *)scales + all,
                   all * HALF, all};
    multiply_many(multiply, join, &panel, tokens, n, out);
}

INLINE void unpack_whole(__m512i both, const uint8_t *scales, const int left, __m512i *weights, __m512 *scale) {
    weights_of(both, doubled(), weights);
    *scale = scales_of(scales, left);
}

static void mxfp4_many(const uint8_t *blocks, const uint8_t *scales, int groups, const Token *tokens, int n, float *out) {
    mxfp4_many_by(unpack_whole, multiply_whole, join_whole, blocks, scales, groups, tokens, n, out);
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

#include "tiles.h"
#define FLOATS 16
#include "attention.h"
const Kernels avx512_kernels = {"AVX-512", quantise, mxfp4, mxfp4_many, int8, int8_many, bf16, score, weigh, gather, halve};

#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni,avx512bf16"))), apply_to = function)

/* A value that is infinite makes none, too, as all that it is multiplied with. */
INLINE __m512i thirty_two_bf16(const float *x) {
    __m512 first = _mm512_loadu_ps(x), second = _mm512_loadu_ps(x + 16), none = _mm512_setzero_ps();
    return (__m512i)_mm512_cvtne2ps_pbh(_mm512_fmadd_ps(second, none, second), _mm512_fmadd_ps(first, none, first));
}

static void to_bf16s(const float *x, int columns, void *memory) {
    const __m512i ramp = _mm512_set_epi16(31, 27, 23, 19, 15, 11, 7, 3, 30, 26, 22, 18, 14, 10, 6, 2, 29, 25, 21, 17, 13, 9, 5, 1, 28, 24,
                                          20, 16, 12, 8, 4, 0);
    int16_t *values = memory;
    int groups = columns / GROUP;
    for (int g = 0; g < groups + (WIDE - groups % WIDE) % WIDE; g++) {
        __m512i apart = g < groups ? _mm512_permutexvar_epi16(ramp, thirty_two_bf16(x + g * GROUP)) : _mm512_setzero_si512();
        _mm_storeu_si128((__m128i *)(values + values_at(g, 0)), _mm512_castsi512_si128(apart));
        _mm_storeu_si128((__m128i *)(values + values_at(g, 1)), _mm512_extracti32x4_epi32(apart, 1));
        _mm_storeu_si128((__m128i *)(values + values_at(g, 2)), _mm512_extracti32x4_epi32(apart, 2));
        _mm_storeu_si128((__m128i *)(values + values_at(g, 3)), _mm512_extracti32x4_epi32(apart, 3));
    }
}

INLINE void add_bf16(__m512i weights[2][4], const __m512 *scales, const Token *token, int g, __m512 *sums) {
    __m512bh x[4];
    for (int i = 0; i < 4; i++) x[i] = (__m512bh)_mm512_loadu_si512(token->values + values_at(g, i));
    for (int row = 0; row < 2; row++) {
        __m512 sum = _mm512_setzero_ps();
        for (int i = 0; i < 4; i++) sum = _mm512_dpbf16_ps(sum, (__m512bh)weights[row][i], x[i]);
        sums[row] = _mm512_fmadd_ps(sum, scales[row], sums[row]);
    }
}

/* Weights as bf16 have one more of these bits than they need. */
INLINE void mxfp4_bf16_of(const uint8_t *blocks, const uint8_t *scales, int groups, const Token *tokens, const int n, float *out) {
    __m512i wide = _mm512_cvtepi16_epi32(_mm512_castsi512_si256(doubled()));
    __m512 halves = _mm512_mul_ps(_mm512_cvtepi32_ps(wide), _mm512_set1_ps(0.5f));
    __m512i table = _mm512_broadcast_i64x4(_mm512_cvtepi32_epi16(_mm512_srli_epi32(_mm512_castps_si512(halves), 16)));
    mxfp4_by(add_bf16, table, blocks, scales, groups, tokens, n, out);
}

static void mxfp4_bf16(const uint8_t *blocks, const uint8_t *scales, int groups, const Token *tokens, int n, float *out) {
    FOR_TOKENS(mxfp4_bf16_of, blocks, scales, groups, tokens)
}

/* The weights of a group as bf16 with its scale in them. The table has them times the greatest scale, from which it is lowered
 * to the group's by whole numbers; nothing stays nothing, as there is no less. */
INLINE void unpack_bf16(__m512i both, const uint8_t *scales, const int left, __m512i *weights, __m512 *scale) {
    (void)scale;
    const __m256i greatest = _mm256_setr_epi16(0, 0x7e00, 0x7e80, 0x7ec0, 0x7f00, 0x7f40, 0x7f80, 0x7fc0, 0, (short)0xfe00, (short)0xfe80,
                                               (short)0xfec0, (short)0xff00, (short)0xff40, (short)0xff80, (short)0xffc0);
    const __m512i most = _mm512_set1_epi32((GREATEST - 1) << 23);
    __m512i own = _mm512_castps_si512(scales_of(scales, left));
    __m512i lower = _mm512_min_epu32(_mm512_sub_epi32(_mm512_set1_epi32(GREATEST << 23), own), most);
    lower = _mm512_or_si512(lower, _mm512_srli_epi32(lower, 16));
    weights_of(both, _mm512_broadcast_i64x4(greatest), weights);
    for (int i = 0; i < 4; i++) weights[i] = _mm512_subs_epu16(weights[i], lower);
}

INLINE __m512i multiply_bf16(__m512i products, __m512i weights, __m512i x) {
    return _mm512_castps_si512(_mm512_dpbf16_ps(_mm512_castsi512_ps(products), (__m512bh)weights, (__m512bh)x));
}

INLINE __m512 join_bf16(__m512 sum, __m512i products, const __m512 *scale, const Token *token, int step) {
    (void)scale, (void)token, (void)step;
    return _mm512_add_ps(sum, _mm512_castsi512_ps(products));
}

static void mxfp4_bf16_many(const uint8_t *blocks, const uint8_t *scales, int groups, const Token *tokens, int n, float *out) {
    mxfp4_many_by(unpack_bf16, multiply_bf16, join_bf16, blocks, scales, groups, tokens, n, out);
}

const Kernels avx512_bf16_kernels = {"AVX-512 with bf16", to_bf16s, mxfp4_bf16, mxfp4_bf16_many, int8, int8_many, bf16,
                                     score, weigh, gather, halve};

#pragma clang attribute pop
#endif
