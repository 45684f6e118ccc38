/* Every kernel in plain C: what the others are held to, and what runs where the processor has nothing better. */
#include "kernels.h"

#include <math.h>

static const int8_t doubled[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

static float mxfp4_row(const uint8_t *blocks, const uint8_t *scales, int groups, const Token *token) {
    float sum = 0;
    for (int g = 0; g < groups; g++) {
        int whole = 0;
        for (int i = 0; i < HALF; i++) {
            uint8_t both = blocks[g * HALF + i];
            const int16_t *low = token->values + values_at(g, 2 * i % 4) + i / 2, *high = token->values + values_at(g, 2 * i % 4 + 1) + i / 2;
            whole += doubled[both & 15] * *low + doubled[both >> 4] * *high;
        }
        sum += (float)whole * of_bits((uint32_t)scales[g] << 23) * token->scale[g * LANES];
    }
    return sum;
}

static void mxfp4(const uint8_t *blocks, const uint8_t *scales, int groups, const Token *tokens, int n, float *out) {
    for (int row = 0; row < 2; row++) {
        const uint8_t *weights = blocks + (size_t)row * groups * HALF;
        for (int t = 0; t < n; t++) out[row * TILE + t] = mxfp4_row(weights, scales + row * groups, groups, tokens + t);
    }
}

static void int8(const int8_t *weights, const uint16_t *scales, int columns, const int16_t *const *x, int n, float *out) {
    for (int row = 0; row < 2; row++) {
        for (int t = 0; t < n; t++) {
            float sum = 0;
            for (int g = 0; g < columns / FINE; g++) {
                size_t round = (size_t)(g / FINES) * ROUND;
                int whole = 0;
                for (int i = g % FINES * FINE; i < (g % FINES + 1) * FINE; i++)
                    whole += weights[row * columns + round + place_of(i)] * x[t][round + place_of(i)];
                sum += (float)whole * of_bf16(scales[row * (columns / FINE) + g]);
            }
            out[row * TILE + t] = sum;
        }
    }
}

static void bf16(const uint16_t *weights, int columns, const float *const *x, int n, float *out) {
    for (int row = 0; row < 2; row++) {
        const uint16_t *w = weights + (size_t)row * columns;
        for (int t = 0; t < n; t++) {
            float sum = 0;
            for (int i = 0; i < columns; i++) sum += of_bf16(w[i]) * x[t][i];
            out[row * TILE + t] = sum;
        }
    }
}

#define INLINE static inline
#define FLOATS 4
#include "attention.h"

const Kernels plain_kernels = {"plain C", quantise, mxfp4, NULL, int8, NULL, bf16, score, weigh, gather, halve};
