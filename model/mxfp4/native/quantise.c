/* Activations as int8: a group of 32 has one scale, its even values lie apart from its odd ones. */
#include "kernels.h"

#include <string.h>

static int padded_groups(int columns) { return (columns / GROUP + LANES - 1) / LANES * LANES; }

/* Four parts, each a multiple of 64 bytes long. */
size_t token_size(int columns) {
    return (size_t)padded_groups(columns) * (2 * HALF + LANES * (sizeof(int32_t) + sizeof(float)));
}

Token token_at(const void *memory, int columns, size_t number) {
    size_t groups = (size_t)padded_groups(columns);
    const int8_t *even = (const int8_t *)memory + number * token_size(columns);
    const int8_t *odd = even + groups * HALF;
    const int32_t *start = (const int32_t *)(odd + groups * HALF);
    return (Token){even, odd, start, (const float *)(start + groups * LANES)};
}

static void quantise_group(const float *x, int8_t *even, int8_t *odd, int32_t *start, float *scale) {
    float most = 0, nothing = 0;
    for (int i = 0; i < GROUP; i++) {
        float size = x[i] < 0 ? -x[i] : x[i];
        most = size > most ? size : most;
        nothing += x[i] * 0.0f; /* not a number where one of them is none, or infinite */
    }
    float inverse = most > 1e-30f && nothing == 0 ? 127.0f / most : 0;
    int sums[LANES] = {0};
    for (int i = 0; i < GROUP; i++) {
        float scaled = nothing == 0 ? x[i] * inverse : 0;
        int value = (int)(scaled + (scaled < 0 ? -0.5f : 0.5f));
        (i % 2 ? odd : even)[i / 2] = (int8_t)value;
        sums[i / (GROUP / LANES)] += value;
    }
    for (int lane = 0; lane < LANES; lane++) {
        start[lane] = -12 * sums[lane];
        scale[lane] = most / 127 * 0.5f + nothing;
    }
}

void quantise(const float *x, int columns, void *memory) {
    memset(memory, 0, token_size(columns));
    Token token = token_at(memory, columns, 0);
    for (int g = 0; g < columns / GROUP; g++) {
        quantise_group(x + g * GROUP, (int8_t *)token.even + g * HALF, (int8_t *)token.odd + g * HALF,
                       (int32_t *)token.start + g * LANES, (float *)token.scale + g * LANES);
    }
}
