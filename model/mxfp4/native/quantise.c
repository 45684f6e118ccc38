/* Activations in 15 bits: a group of 32 has one scale, its even values lie apart from its odd ones, high bits from low. */
#include "kernels.h"

#include <string.h>

#define MOST (127 << HIGH)

static int padded_groups(int columns) { return (columns / GROUP + LANES - 1) / LANES * LANES; }

/* Six parts, each a multiple of 64 bytes long. */
size_t token_size(int columns) {
    return (size_t)padded_groups(columns) * (4 * HALF + LANES * (sizeof(int32_t) + sizeof(float)));
}

Token token_at(const void *memory, int columns, size_t number) {
    size_t groups = (size_t)padded_groups(columns);
    const int8_t *even = (const int8_t *)memory + number * token_size(columns);
    const int8_t *odd = even + groups * HALF, *even_low = odd + groups * HALF, *odd_low = even_low + groups * HALF;
    const int32_t *start = (const int32_t *)(odd_low + groups * HALF);
    return (Token){even, odd, even_low, odd_low, start, (const float *)(start + groups * LANES)};
}

static void quantise_group(const float *x, int8_t *even, int8_t *odd, int8_t *even_low, int8_t *odd_low, int32_t *start,
                           float *scale) {
    float most = 0, nothing = 0;
    int values[GROUP];
    for (int i = 0; i < GROUP; i++) {
        float size = x[i] < 0 ? -x[i] : x[i];
        most = size > most ? size : most;
        nothing += x[i] * 0.0f; /* not a number where one of them is none, or infinite */
    }
    float inverse = most > 1e-30f && nothing == 0 ? MOST / most : 0;
    for (int i = 0; i < GROUP; i++) {
        float scaled = nothing == 0 ? x[i] * inverse : 0;
        values[i] = (int)(scaled + (scaled < 0 ? -0.5f : 0.5f));
    }
    for (int i = 0; i < HALF; i++) {
        int first = values[2 * i], second = values[2 * i + 1], half = 1 << (HIGH - 1);
        even[i] = (int8_t)((first + half) >> HIGH), odd[i] = (int8_t)((second + half) >> HIGH);
        even_low[i] = (int8_t)(first - even[i] * (1 << HIGH)), odd_low[i] = (int8_t)(second - odd[i] * (1 << HIGH));
    }
    for (int lane = 0; lane < LANES; lane++) {
        int sum = 0;
        for (int i = 0; i < GROUP / LANES; i++) sum += values[lane * (GROUP / LANES) + i];
        start[lane] = -12 * sum;
        scale[lane] = most / MOST * 0.5f + nothing;
    }
}

void quantise(const float *x, int columns, void *memory) {
    memset(memory, 0, token_size(columns));
    Token token = token_at(memory, columns, 0);
    for (int g = 0; g < columns / GROUP; g++) {
        quantise_group(x + g * GROUP, (int8_t *)token.even + g * HALF, (int8_t *)token.odd + g * HALF,
                       (int8_t *)token.even_low + g * HALF, (int8_t *)token.odd_low + g * HALF,
                       (int32_t *)token.start + g * LANES, (float *)token.scale + g * LANES);
    }
}
