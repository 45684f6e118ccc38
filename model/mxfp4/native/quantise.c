/* Activations as whole numbers of 16 bits: a group of 32 has one scale, and its values lie apart in four, as the weights come
 * out of a word. */
#include "kernels.h"

#include <string.h>

#define MOST 32767

static int padded_groups(int columns) { return (columns / GROUP + LANES - 1) / LANES * LANES; }

/* Two parts, each a multiple of 64 bytes long. */
size_t token_size(int columns) {
    return (size_t)padded_groups(columns) * (GROUP * sizeof(int16_t) + LANES * sizeof(float));
}

Token token_at(const void *memory, int columns, size_t number) {
    const int16_t *values = (const int16_t *)((const char *)memory + number * token_size(columns));
    return (Token){values, (const float *)(values + (size_t)padded_groups(columns) * GROUP)};
}

static void quantise_group(const float *x, int16_t *const *every, float *scale) {
    float most = 0, nothing = 0;
    for (int i = 0; i < GROUP; i++) {
        float size = x[i] < 0 ? -x[i] : x[i];
        most = size > most ? size : most;
        nothing += x[i] * 0.0f; /* not a number where one of them is none, or infinite */
    }
    float inverse = most > 1e-30f && nothing == 0 ? MOST / most : 0;
    for (int i = 0; i < GROUP; i++) {
        float scaled = nothing == 0 ? x[i] * inverse : 0;
        every[i % 4][i / 4] = (int16_t)(scaled + (scaled < 0 ? -0.5f : 0.5f));
    }
    for (int lane = 0; lane < LANES; lane++) scale[lane] = most / MOST * 0.5f + nothing;
}

void quantise(const float *x, int columns, void *memory) {
    memset(memory, 0, token_size(columns));
    Token token = token_at(memory, columns, 0);
    for (int g = 0; g < columns / GROUP; g++) {
        int16_t *every[4];
        for (int i = 0; i < 4; i++) every[i] = (int16_t *)token.values + values_at(g, i);
        quantise_group(x + g * GROUP, every, (float *)token.scale + g * LANES);
    }
}
