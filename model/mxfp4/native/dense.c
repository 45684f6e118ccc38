/* Dense layers for one or a few tokens, and their weights as int8: each 16 with a scale in bf16, a seventh more exact than each 32. */
#include "kernels.h"

#include <string.h>

#define ROWS 32 /* in a task */

typedef struct {
    const Kernels *kernels;
    const void *weights;
    const uint16_t *scales; /* NULL: the weights are bf16 */
    const uint16_t *bias;   /* bf16, or NULL */
    const float *x;
    float *out;
    int tokens, rows, columns;
} Dense;

static void multiply_rows(void *argument, int task) {
    const Dense *job = argument;
    int first = task * ROWS, end = smaller(first + ROWS, job->rows), groups = job->columns / FINE;
    size_t size = (size_t)job->columns * (job->scales ? 1 : 2);
    for (int begin = 0; begin < job->tokens; begin += TILE) {
        int n = smaller(TILE, job->tokens - begin);
        const float *x[TILE];
        for (int t = 0; t < n; t++) x[t] = job->x + (size_t)(begin + t) * job->columns;
        for (int row = first; row < end; row += 2) {
            float sums[2 * TILE];
            const char *weights = (const char *)job->weights + row * size;
            if (job->scales) job->kernels->int8(weights, job->scales + (size_t)row * groups, job->columns, x, n, sums);
            else job->kernels->bf16(weights, NULL, job->columns, x, n, sums);
            for (int t = 0; t < n; t++) {
                float *out = job->out + (size_t)(begin + t) * job->rows + row;
                out[0] = sums[t] + (job->bias ? of_bf16(job->bias[row]) : 0);
                out[1] = sums[TILE + t] + (job->bias ? of_bf16(job->bias[row + 1]) : 0);
            }
        }
    }
}

/* x [tokens, columns] to out [tokens, rows]; rows are even, columns a multiple of 32. */
void ossa_dense(Pool *pool, const Kernels *kernels, const void *weights, const uint16_t *scales, const uint16_t *bias, const float *x,
                int tokens, int rows, int columns, float *out) {
    Dense job = {kernels, weights, scales, bias, x, out, tokens, rows, columns};
    Pool *taken = pool && pool_take(pool) ? pool : NULL;
    pool_run(taken, multiply_rows, &job, (rows + ROWS - 1) / ROWS);
    if (taken) pool_give_back(taken);
}

typedef struct {
    const uint16_t *wide; /* bf16 [rows, columns] */
    int8_t *narrow;
    uint16_t *scales;
    int rows, columns;
} Packing;

static void pack_group(const uint16_t *wide, int8_t *narrow, uint16_t *scale) {
    float most = 0;
    for (int i = 0; i < FINE; i++) {
        float size = of_bf16(wide[i] & 0x7fff);
        most = size > most ? size : most;
    }
    /* Rounded first, so that the values are measured by what they will be multiplied with. */
    *scale = to_bf16(most / 127);
    float inverse = of_bf16(*scale) > 1e-30f ? 1 / of_bf16(*scale) : 0;
    for (int i = 0; i < FINE; i++) {
        float scaled = of_bf16(wide[i]) * inverse;
        scaled = scaled > 127 ? 127 : scaled < -127 ? -127 : scaled;
        narrow[i] = (int8_t)(scaled + (scaled < 0 ? -0.5f : 0.5f));
    }
}

static void pack_rows(void *argument, int task) {
    const Packing *job = argument;
    size_t groups = (size_t)job->columns / FINE;
    for (size_t g = task * ROWS * groups; g < smaller(task * ROWS + ROWS, job->rows) * groups; g++)
        pack_group(job->wide + g * FINE, job->narrow + g * FINE, job->scales + g);
}

void ossa_pack(Pool *pool, const uint16_t *wide, int rows, int columns, int8_t *narrow, uint16_t *scales) {
    Packing job = {wide, narrow, scales, rows, columns};
    Pool *taken = pool && pool_take(pool) ? pool : NULL;
    pool_run(taken, pack_rows, &job, (rows + ROWS - 1) / ROWS);
    if (taken) pool_give_back(taken);
}

/* Where the first byte is that stands for “not a number” in scales of MXFP4; -1 where none is. */
int64_t ossa_find_nan(const uint8_t *scales, size_t count) {
    const uint8_t *found = memchr(scales, 255, count);
    return found ? found - scales : -1;
}

int ossa_version(void) { return 3; }
