/* The kernels for NEON, which every 64-bit ARM has: 16 bytes of weights at a time. */
#include "kernels.h"

#include <math.h>

#if defined(__aarch64__)
#include <arm_neon.h>

#define INLINE static inline __attribute__((always_inline))

/* Four weights of each 16 bits, the table being looked up by bytes. */
INLINE void weights_of(uint8x16_t both, int8x16_t table, int16x8_t *weights) {
    int16x8_t low = vreinterpretq_s16_s8(vqtbl1q_s8(table, vandq_u8(both, vdupq_n_u8(15))));
    int16x8_t high = vreinterpretq_s16_s8(vqtbl1q_s8(table, vshrq_n_u8(both, 4)));
    weights[0] = vshrq_n_s16(vshlq_n_s16(low, 8), 8);
    weights[1] = vshrq_n_s16(vshlq_n_s16(high, 8), 8);
    weights[2] = vshrq_n_s16(low, 8);
    weights[3] = vshrq_n_s16(high, 8);
}

/* Four sums of products with what a token has there. */
INLINE int32x4_t products(const int16x8_t *weights, const Token *token, int g) {
    int32x4_t whole = vdupq_n_s32(0);
    for (int i = 0; i < 4; i++) {
        int16x8_t x = vld1q_s16(token->values + values_at(g, i));
        whole = vmlal_s16(whole, vget_low_s16(weights[i]), vget_low_s16(x));
        whole = vmlal_high_s16(whole, weights[i], x);
    }
    return whole;
}

INLINE void mxfp4_of(const uint8_t *blocks, const uint8_t *scales, int groups, const Token *tokens, const int n, float *out) {
    static const int8_t doubled[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};
    const int8x16_t table = vld1q_s8(doubled);
    const size_t size = (size_t)groups * HALF, ahead = ahead_of(2 * size);
    float32x4_t sums[2][TILE];
    for (int row = 0; row < 2; row++)
        for (int t = 0; t < n; t++) sums[row][t] = vdupq_n_f32(0);
    for (int g = 0; g < groups; g++) {
        for (int row = 0; row < 2; row++) {
            const uint8_t *at = blocks + row * size + (size_t)g * HALF;
            if (g % 4 == 0) __builtin_prefetch(at + ahead);
            int16x8_t weights[4];
            weights_of(vld1q_u8(at), table, weights);
            float scale = of_bits((uint32_t)scales[row * groups + g] << 23);
            for (int t = 0; t < n; t++) {
                int32x4_t whole = products(weights, tokens + t, g);
                sums[row][t] = vfmaq_n_f32(sums[row][t], vcvtq_f32_s32(whole), scale * tokens[t].scale[g * LANES]);
            }
        }
    }
    for (int row = 0; row < 2; row++)
        for (int t = 0; t < n; t++) out[row * TILE + t] = vaddvq_f32(sums[row][t]);
}

/* Two sums of each of two neighbouring groups of a round. */
INLINE int32x4_t sums_of_two(const int8_t *weights, const int16_t *x) {
    int32x4_t first = vdupq_n_s32(0), second = first;
    for (int i = 0; i < ROUND; i += 4 * FINES) {
        int16x8_t wide = vmovl_s8(vld1_s8(weights + i)), own = vld1q_s16(x + i);
        first = vmlal_s16(first, vget_low_s16(wide), vget_low_s16(own));
        second = vmlal_high_s16(second, wide, own);
    }
    return vpaddq_s32(first, second);
}

/* Their scales, each twice. */
INLINE float32x4_t scales_of_two(const uint16_t *scales) {
    float32x2_t both = {of_bf16(scales[0]), of_bf16(scales[1])};
    return vzip1q_f32(vcombine_f32(both, both), vcombine_f32(both, both));
}

INLINE void int8_of(const int8_t *weights, const uint16_t *scales, int columns, const int16_t *const *x, const int n, float *out) {
    const size_t ahead = ahead_of(2 * (size_t)columns);
    const int groups = columns / FINE;
    float32x4_t sums[2][TILE];
    for (int row = 0; row < 2; row++)
        for (int t = 0; t < n; t++) sums[row][t] = vdupq_n_f32(0);
    for (int at = 0; at < columns; at += 2 * FINE) {
        int place = at / ROUND * ROUND + at % ROUND / FINE * 4;
        for (int row = 0; row < 2; row++) {
            __builtin_prefetch((const char *)weights + ahead + 2 * at + row * 2 * FINE);
            float32x4_t scale = scales_of_two(scales + row * groups + at / FINE);
            const int8_t *two = weights + (size_t)row * columns + place;
            for (int t = 0; t < n; t++) sums[row][t] = vfmaq_f32(sums[row][t], vcvtq_f32_s32(sums_of_two(two, x[t] + place)), scale);
        }
    }
    for (int row = 0; row < 2; row++)
        for (int t = 0; t < n; t++) out[row * TILE + t] = vaddvq_f32(sums[row][t]);
}

INLINE void bf16_of(const uint16_t *weights, int columns, const float *const *x, const int n, float *out) {
    const size_t ahead = ahead_of(4 * (size_t)columns);
    float32x4_t sums[2][TILE];
    for (int row = 0; row < 2; row++)
        for (int t = 0; t < n; t++) sums[row][t] = vdupq_n_f32(0);
    for (int i = 0; i < columns; i += 4) {
        for (int row = 0; row < 2; row++) {
            const uint16_t *at = weights + (size_t)row * columns + i;
            if (i % 32 == 0) __builtin_prefetch(at + ahead);
            float32x4_t four = vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(at), 16));
            for (int t = 0; t < n; t++) sums[row][t] = vfmaq_f32(sums[row][t], four, vld1q_f32(x[t] + i));
        }
    }
    for (int row = 0; row < 2; row++)
        for (int t = 0; t < n; t++) out[row * TILE + t] = vaddvq_f32(sums[row][t]);
}

#include "tiles.h"
#define FLOATS 4
#include "attention.h"
const Kernels neon_kernels = {"NEON", quantise, mxfp4, NULL, int8, NULL, bf16, score, weigh, gather, halve};
#endif
