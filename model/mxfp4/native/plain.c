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
            int first = 2 * i % 4, at = g * EIGHTH + i / 2;
            whole += doubled[both & 15] * token->every[first][at] + doubled[both >> 4] * token->every[first + 1][at];
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

static void int8(const void *weights, const uint16_t *scales, int columns, const float *const *x, int n, float *out) {
    for (int row = 0; row < 2; row++) {
        const int8_t *w = (const int8_t *)weights + (size_t)row * columns;
        for (int t = 0; t < n; t++) {
            float sum = 0;
            for (int g = 0; g < columns / FINE; g++) {
                float part = 0;
                for (int i = g * FINE; i < (g + 1) * FINE; i++) part += (float)w[i] * x[t][i];
                sum += part * of_bf16(scales[row * (columns / FINE) + g]);
            }
            out[row * TILE + t] = sum;
        }
    }
}

static void bf16(const void *weights, const uint16_t *scales, int columns, const float *const *x, int n, float *out) {
    (void)scales;
    for (int row = 0; row < 2; row++) {
        const uint16_t *w = (const uint16_t *)weights + (size_t)row * columns;
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

const Kernels plain_kernels = {"plain C", mxfp4, int8, bf16, score, weigh, gather};
