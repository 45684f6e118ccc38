/* The kernels without Python: every set that a processor has against plain C, on random numbers.
 *
 * Also for processors that are only emulated: prints the sets that compute the same, and ends with 1 at the first that does not.
 */
#include "kernels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKENS 20
#define MOST_COLUMNS 192
#define HEADS 4
#define STATES 151
#define WIDTH 32

void ossa_pack(Pool *pool, const uint16_t *wide, int rows, int columns, int8_t *narrow, uint16_t *scales);
const char *ossa_kernels_name(const Kernels *kernels);

static uint32_t seed = 1;

static float chance(void) {
    seed = seed * 1664525u + 1013904223u;
    return (float)(seed >> 8) / (1 << 23) - 1;
}

static void fill(float *values, int count) {
    for (int i = 0; i < count; i++) values[i] = chance();
}

/* Ends the program where they differ by more than what 16 bits lose. */
static void same(const char *what, const Kernels *kernels, const float *found, const float *wanted, int count) {
    double off = 0, all = 0;
    for (int i = 0; i < count; i++) off += pow(found[i] - wanted[i], 2), all += pow(wanted[i], 2);
    if (sqrt(off) <= 5e-3 * sqrt(all) && all > 0) return;
    printf("%s: %s is off by %g of %g\n", ossa_kernels_name(kernels), what, sqrt(off), sqrt(all));
    exit(1);
}

static void experts(const Kernels *kernels, Pool *pool, int hidden, int inner, float *out) {
    static uint8_t gate_up[2 * 2 * MOST_COLUMNS * MOST_COLUMNS / 2], down[2 * MOST_COLUMNS * MOST_COLUMNS / 2], scales[sizeof gate_up / HALF];
    static uint16_t bias[4 * MOST_COLUMNS];
    static float x[TOKENS * MOST_COLUMNS], weights[2 * TOKENS];
    int64_t chosen[2 * TOKENS];
    for (size_t i = 0; i < sizeof gate_up; i++) gate_up[i] = (uint8_t)(128 * (chance() + 1));
    for (size_t i = 0; i < sizeof down; i++) down[i] = (uint8_t)(128 * (chance() + 1));
    for (size_t i = 0; i < sizeof scales; i++) scales[i] = (uint8_t)(124 + 2 * chance());
    for (int i = 0; i < 4 * MOST_COLUMNS; i++) bias[i] = to_bf16(chance());
    fill(x, TOKENS * hidden), fill(weights, 2 * TOKENS);
    for (int t = 0; t < TOKENS; t++) chosen[2 * t] = t % 2, chosen[2 * t + 1] = 1 - t % 2;
    Experts all = {gate_up, scales, bias, down, scales, bias, 2, hidden, inner, 2, 1.702f, 7};
    Pool *taken = pool_taken(pool);
    if (through_experts(taken, kernels, &all, x, TOKENS, chosen, weights, out)) exit(2);
    pool_give_back(taken);
}

static void dense(const Kernels *kernels, Pool *pool, int columns, int is_narrow, float *out) {
    enum { ROWS = 34 };
    static uint16_t wide[ROWS * MOST_COLUMNS], scales[ROWS * MOST_COLUMNS], bias[ROWS];
    static int8_t narrow[ROWS * 2 * MOST_COLUMNS];
    static float x[TOKENS * MOST_COLUMNS];
    for (int i = 0; i < ROWS * columns; i++) wide[i] = to_bf16(chance());
    for (int i = 0; i < ROWS; i++) bias[i] = to_bf16(chance());
    fill(x, TOKENS * columns);
    ossa_pack(pool, wide, ROWS, columns, narrow, scales);
    Linear linear = {is_narrow ? (void *)narrow : (void *)wide, is_narrow ? scales : NULL, bias, ROWS, columns};
    Pool *taken = pool_taken(pool);
    if (multiply(taken, kernels, &linear, 1, x, TOKENS, &out)) exit(2);
    pool_give_back(taken);
}

static void attention(const Kernels *kernels, Pool *pool, int window, float *out) {
    static float queries[5 * HEADS * WIDTH], values[2 * STATES * WIDTH], sinks[HEADS];
    static uint16_t keys[2 * STATES * WIDTH], kept[2 * STATES * WIDTH];
    fill(queries, 5 * HEADS * WIDTH), fill(sinks, HEADS);
    fill(values, 2 * STATES * WIDTH), kernels->halve(values, 2 * STATES * WIDTH, keys);
    fill(values, 2 * STATES * WIDTH), kernels->halve(values, 2 * STATES * WIDTH, kept);
    Kept states = {keys, kept, STATES * WIDTH};
    Attention job = {kernels, queries, sinks, states, states, out, HEADS, 2, 5, 0, STATES, WIDTH, window, 0.2f};
    attend(pool_taken(pool), &job);
    pool_give_back(pool);
}

/* The same numbers go into both. */
#define COMPARE(what, count, call) \
    do { \
        uint32_t begin = seed; \
        memset(found, 0, sizeof found), memset(wanted, 0, sizeof wanted); \
        { const Kernels *one = kernels; float *out = found; call; } \
        seed = begin; \
        { const Kernels *one = ossa_kernels(0); float *out = wanted; call; } \
        same(what, kernels, found, wanted, count); \
    } while (0)

int main(void) {
    static float found[TOKENS * MOST_COLUMNS], wanted[TOKENS * MOST_COLUMNS];
    Pool *pool = ossa_pool_open(2);
    for (int level = 1; level < 4; level++) {
        const Kernels *kernels = ossa_kernels(level);
        if (!kernels) continue;
        for (int columns = GROUP; columns <= MOST_COLUMNS; columns += GROUP) {
            COMPARE("experts", TOKENS * columns, experts(one, pool, columns, MOST_COLUMNS - columns + GROUP, out));
            COMPARE("a layer in bf16", TOKENS * 34, dense(one, pool, columns, 0, out));
            COMPARE("a layer in int8", TOKENS * 34, dense(one, pool, columns, 1, out));
        }
        COMPARE("attention", 5 * HEADS * WIDTH, attention(one, pool, 0, out));
        COMPARE("attention in windows", 5 * HEADS * WIDTH, attention(one, pool, 70, out));
        puts(ossa_kernels_name(kernels));
    }
    ossa_pool_close(pool);
    return 0;
}
