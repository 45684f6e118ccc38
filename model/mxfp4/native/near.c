/* A weight of many rows once more in half the bytes, for finding the few rows whose products matter.
 *
 *   bf16 ─► MXFP4, and how far off each row is ─► products that are near ─► those rows alone, from their int8
 */
#include "kernels.h"

#include <stdlib.h>

#define PAIRS 128 /* of rows, in a task */
#define CHOICES 2 /* exponents that are tried */
#define LINE 64
#define LEAST 0.01f /* of its norm, that a row counts as off at least: int8, activations and sums are not exact either */

typedef struct {
    const uint16_t *wide; /* bf16 [rows, columns] */
    uint8_t *blocks, *scales;
    float *lift, *off; /* [rows] */
    int rows, columns;
} Packing;

/* Products of the weights of a row with each other and with what stands for them, and of these with each other. */
typedef struct {
    float wide, both, near;
} Products;

static const float VALUES[] = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6};

/* The nearest of what MXFP4 knows, without its sign. */
static int code_of(float size) {
    return (size > 0.25f) + (size > 0.75f) + (size > 1.25f) + (size > 1.75f) + (size > 2.5f) + (size > 3.5f) + (size > 5);
}

/* A group as multiples of a power of two; how far off they are then, squared. */
static float code_by(int exponent, const float *values, uint8_t *codes) {
    float scale = of_bits((uint32_t)exponent << 23), inverse = of_bits((uint32_t)(254 - exponent) << 23), off = 0;
    for (int i = 0; i < GROUP; i++) {
        float size = values[i] < 0 ? -values[i] : values[i];
        int code = code_of(size * inverse);
        float rest = size - VALUES[code] * scale;
        codes[i] = (uint8_t)(code | (values[i] < 0 ? 8 : 0));
        off += rest * rest;
    }
    return off;
}

/* What is no number makes products that are none. */
static Products pack_group(const uint16_t *wide, uint8_t *block, uint8_t *scale) {
    float values[GROUP], most = 0, all = 0;
    for (int i = 0; i < GROUP; i++) {
        values[i] = of_bf16(wide[i]);
        float size = values[i] < 0 ? -values[i] : values[i];
        most = size > most ? size : most;
        all += size * size;
    }
    float nothing = all * 0.0f;
    int exponent = (int)(bits_of(most) >> 23) - 2;
    if (nothing != 0) exponent = 1;
    exponent = exponent < 1 ? 1 : exponent > 250 ? 250 : exponent;
    uint8_t best[GROUP], other[GROUP];
    float least = code_by(exponent, values, best);
    *scale = (uint8_t)exponent;
    for (int next = exponent + 1; next < exponent + CHOICES; next++) {
        float off = code_by(next, values, other);
        if (!(off < least)) continue;
        least = off, *scale = (uint8_t)next;
        for (int i = 0; i < GROUP; i++) best[i] = other[i];
    }
    for (int i = 0; i < HALF; i++) block[i] = (uint8_t)(best[2 * i] | best[2 * i + 1] << 4);
    Products found = {all + nothing, 0, 0};
    for (int i = 0; i < GROUP && nothing == 0; i++) {
        float near = VALUES[best[i] & 7] * of_bits((uint32_t)*scale << 23) * (best[i] & 8 ? -1 : 1);
        found.both += values[i] * near, found.near += near * near;
    }
    return found;
}

static void pack_rows(void *argument, int task) {
    const Packing *job = argument;
    int groups = job->columns / GROUP;
    for (int row = 2 * PAIRS * task; row < smaller(2 * PAIRS * (task + 1), job->rows); row++) {
        Products all = {0, 0, 0};
        for (int g = 0; g < groups; g++) {
            size_t at = (size_t)row * groups + g;
            Products group = pack_group(job->wide + at * GROUP, job->blocks + at * HALF, job->scales + at);
            all.wide += group.wide, all.both += group.both, all.near += group.near;
        }
        /* The nearest are too short by as much as they are off: an input that lies along the row would get too little. */
        float lift = all.both > 0 ? all.wide / all.both : 1;
        float off = lift * lift * all.near - 2 * lift * all.both + all.wide;
        job->lift[row] = lift;
        job->off[row] = all.wide * 0.0f == 0 ? (off > 0 ? off : 0) + LEAST * LEAST * all.wide : of_bits(0x7f800000);
    }
}

static int tasks_of(int rows) { return (rows + 2 * PAIRS - 1) / (2 * PAIRS); }

/* bf16 [rows, columns] to blocks and scales as an expert's, to what their products count, and to what these are off, squared. */
void ossa_pack_near(Pool *pool, const uint16_t *wide, int rows, int columns, uint8_t *blocks, uint8_t *scales, float *lift, float *off) {
    Packing job = {wide, blocks, scales, lift, off, rows, columns};
    Pool *taken = pool_taken(pool);
    pool_run(taken, pack_rows, &job, tasks_of(rows));
    pool_give_back(taken);
}

typedef struct {
    const Kernels *kernels;
    const uint8_t *blocks, *scales;
    const float *lift;
    Token token;
    float *out;
    int rows, groups;
} Near;

static void near_rows(void *argument, int task) {
    const Near *job = argument;
    for (int row = 2 * PAIRS * task; row < smaller(2 * PAIRS * (task + 1), job->rows); row += 2) {
        size_t at = (size_t)row * job->groups;
        float sums[2 * TILE];
        job->kernels->mxfp4(job->blocks + at * HALF, job->scales + at, job->groups, &job->token, 1, sums);
        job->out[row] = sums[0] * job->lift[row], job->out[row + 1] = sums[TILE] * job->lift[row + 1];
    }
}

/* x [columns] by a weight as `ossa_pack_near` makes it, to out [rows]; 0, or -1 without memory for it. */
int ossa_near(Pool *pool, const Kernels *kernels, const uint8_t *blocks, const uint8_t *scales, const float *lift, const float *x,
              int rows, int columns, float *out) {
    Pool *taken = pool_taken(pool);
    size_t size = token_size(columns) + LINE;
    char *memory = taken ? pool_memory(taken, size) : malloc(size);
    if (memory) {
        char *read = (char *)(((uintptr_t)memory + LINE - 1) / LINE * LINE);
        kernels->quantise(x, columns, read);
        Near job = {kernels, blocks, scales, lift, token_at(read, columns, 0), out, rows, columns / GROUP};
        pool_run(taken, near_rows, &job, tasks_of(rows));
    }
    if (!taken) free(memory);
    pool_give_back(taken);
    return memory ? 0 : -1;
}
