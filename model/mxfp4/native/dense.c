/* Dense layers, and their weights as int8: each 16 with a scale in bf16, a seventh more exact than each 32.
 *
 *   x ─► 16 bits, one scale a token ─► rounds of 128 weights, eight groups at a time ─► out; weights in bf16 take x as it is
 */
#include "kernels.h"

#include <stdlib.h>
#include <string.h>

#define ROWS 16 /* in a task */
#define SIDE_BY_SIDE 16
#define SCALES 8 /* neighbours in bf16 that are tried */
#define MOST 32767
#define LINE 64          /* bytes that the processor reads at once */
#define NEAR (36 * 1024) /* bytes of activations that it keeps near */

typedef struct {
    const Kernels *kernels;
    const Linear *linears;
    float *const *outs;
    const float *x;
    int16_t *read; /* [tokens, columns, filled up] */
    float *scales; /* [tokens] */
    int tokens, columns;
} Dense;

/* The greatest size of a value; none where one of them is no number, or infinite. */
static float greatest(const float *x, int columns) {
    float most[SIDE_BY_SIDE] = {0}, nothing[SIDE_BY_SIDE] = {0};
    for (int begin = 0; begin < columns; begin += SIDE_BY_SIDE) {
        for (int i = 0; i < SIDE_BY_SIDE; i++) {
            float value = x[begin + i], size = value < 0 ? -value : value;
            most[i] = size > most[i] ? size : most[i];
            nothing[i] += value * 0.0f;
        }
    }
    float top = 0, none = 0;
    for (int i = 0; i < SIDE_BY_SIDE; i++) top = most[i] > top ? most[i] : top, none += nothing[i];
    return top + none;
}

static void read_token(void *argument, int token) {
    const Dense *job = argument;
    const float *x = job->x + (size_t)token * job->columns;
    int16_t *read = job->read + (size_t)token * padded(job->columns);
    float most = greatest(x, job->columns), inverse = most > 1e-30f ? MOST / most : 0;
    job->scales[token] = most / MOST;
    for (int begin = 0; begin < job->columns; begin += ROUND) {
        int16_t round[ROUND] = {0};
        for (int i = 0; i < smaller(ROUND, job->columns - begin) && most == most; i++) {
            float scaled = x[begin + i] * inverse;
            round[i] = (int16_t)(scaled + (scaled < 0 ? -0.5f : 0.5f));
        }
        for (int i = 0; i < ROUND; i++) read[begin + place_of(i)] = round[i];
    }
}

/* Two rows times some tokens, to sums[row * TILE + token]. */
static void multiply_pair(const Dense *job, const Linear *linear, int row, int begin, int n, float *sums) {
    int columns = linear->columns, whole = padded(columns);
    if (!linear->scales) {
        const float *x[TILE];
        for (int t = 0; t < n; t++) x[t] = job->x + (size_t)(begin + t) * columns;
        job->kernels->bf16((const uint16_t *)linear->weights + (size_t)row * columns, columns, x, n, sums);
        return;
    }
    const int16_t *x[TILE];
    for (int t = 0; t < n; t++) x[t] = job->read + (size_t)(begin + t) * whole;
    const uint16_t *scales = linear->scales + (size_t)row * (whole / FINE);
    job->kernels->int8((const int8_t *)linear->weights + (size_t)row * whole, scales, whole, x, n, sums);
    for (int t = 0; t < n; t++) sums[t] *= job->scales[begin + t], sums[TILE + t] *= job->scales[begin + t];
}

static int tasks_of(const Linear *linear) { return (linear->rows + ROWS - 1) / ROWS; }

/* So many tokens at a time, that they stay in the innermost cache beside the weights that pass. */
static int tokens_near(int columns) {
    int tokens = NEAR / (int)sizeof(int16_t) / padded(columns);
    return tokens < 1 ? 1 : smaller(tokens, TILE);
}

/* A layer, and where its sums go: out [tokens, rows]. */
typedef struct {
    const Linear *linear;
    float *out;
} Result;

static void give(const Result *result, int row, int token, float sum) {
    const uint16_t *bias = result->linear->bias;
    result->out[(size_t)token * result->linear->rows + row] = sum + (bias ? of_bf16(bias[row]) : 0);
}

/* Rows from the first on for n tokens, two and two for each tile of these. */
static void by_pairs(const Dense *job, const Result *result, int first, int end, int begin, int n) {
    for (int stop = begin + n, some; begin < stop; begin += some) {
        some = share_of(stop - begin, tokens_near(job->columns));
        for (int row = first; row < end; row += 2) {
            float sums[2 * TILE];
            multiply_pair(job, result->linear, row, begin, some, sums);
            for (int t = 0; t < some; t++) give(result, row, begin + t, sums[t]), give(result, row + 1, begin + t, sums[TILE + t]);
        }
    }
}

/* The same to the last bit, for a whole number of panels. */
static void by_panels(const Dense *job, const Result *result, int first, int end, int begin, int n) {
    const Linear *linear = result->linear;
    size_t whole = padded(linear->columns);
    Token tokens[BATCH];
    for (int t = 0; t < n; t++) tokens[t] = (Token){job->read + (size_t)(begin + t) * whole, NULL};
    for (int row = first; row < end; row += PANEL) {
        float sums[PANEL * BATCH];
        const int8_t *weights = (const int8_t *)linear->weights + row * whole;
        job->kernels->int8_many(weights, linear->scales + row * (whole / FINE), (int)whole, tokens, n, sums);
        for (int t = 0; t < n; t++)
            for (int i = 0; i < PANEL; i++) give(result, row + i, begin + t, sums[i * BATCH + t] * job->scales[begin + t]);
    }
}

static void multiply_rows(void *argument, int task) {
    const Dense *job = argument;
    const Linear *linear = job->linears;
    float *const *outs = job->outs;
    while (task >= tasks_of(linear)) task -= tasks_of(linear++), outs++;
    Result result = {linear, *outs};
    int first = task * ROWS, end = smaller(first + ROWS, linear->rows);
    int can = job->kernels->int8_many && linear->scales && padded(linear->columns) <= WIDEST;
    for (int begin = 0, n; begin < job->tokens; begin += n) {
        n = share_of(job->tokens - begin, BATCH);
        int panels = can && n >= MANY ? first + (end - first) / PANEL * PANEL : first;
        by_panels(job, &result, first, panels, begin, n);
        by_pairs(job, &result, panels, end, begin, n);
    }
}

int multiply(Pool *taken, const Kernels *kernels, const Linear *linears, int count, const float *x, int tokens, float *const *outs) {
    int columns = linears->columns, tasks = 0;
    size_t size = (size_t)tokens * (padded(columns) * sizeof(int16_t) + sizeof(float)) + LINE;
    char *memory = taken ? pool_memory(taken, size) : malloc(size);
    if (!memory) return -1;
    int16_t *read = (int16_t *)(((uintptr_t)memory + LINE - 1) / LINE * LINE);
    Dense job = {kernels, linears, outs, x, read, (float *)(read + (size_t)tokens * padded(columns)), tokens, columns};
    for (int i = 0; i < count; i++) tasks += tasks_of(linears + i);
    if (linears->scales) pool_run(tokens > 4 ? taken : NULL, read_token, &job, tokens);
    pool_run(taken, multiply_rows, &job, tasks);
    if (!taken) free(memory);
    return 0;
}

/* x [tokens, columns] to out [tokens, rows]; 0, or -1 without memory for it. */
int ossa_dense(Pool *pool, const Kernels *kernels, const void *weights, const uint16_t *scales, const uint16_t *bias, const float *x,
               int tokens, int rows, int columns, float *out) {
    Linear linear = {weights, scales, bias, rows, columns};
    Pool *taken = pool_taken(pool);
    int done = multiply(taken, kernels, &linear, 1, x, tokens, &out);
    pool_give_back(taken);
    return done;
}

typedef struct {
    const Dense *dense;
    const int64_t *rows;
    int count;
    float *out;
} Chosen;

static void multiply_chosen(void *argument, int task) {
    const Chosen *job = argument;
    for (int i = task * ROWS; i < smaller(task * ROWS + ROWS, job->count); i++) {
        float sums[2 * TILE];
        multiply_pair(job->dense, job->dense->linears, (int)(job->rows[i] & ~1), 0, 1, sums);
        job->out[i] = sums[job->rows[i] & 1 ? TILE : 0];
    }
}

/* x [columns] by some rows of a weight in int8 alone, to out [count]: each as `ossa_dense` has it; 0, or -1 without memory for it. */
int ossa_rows(Pool *pool, const Kernels *kernels, const int8_t *weights, const uint16_t *scales, const float *x, int columns,
              const int64_t *rows, int count, float *out) {
    Pool *taken = pool_taken(pool);
    size_t size = padded(columns) * sizeof(int16_t) + LINE;
    char *memory = taken ? pool_memory(taken, size) : malloc(size);
    if (memory) {
        float scale;
        Linear linear = {weights, scales, NULL, 0, columns};
        Dense dense = {kernels, &linear, NULL, x, (int16_t *)(((uintptr_t)memory + LINE - 1) / LINE * LINE), &scale, 1, columns};
        read_token(&dense, 0);
        Chosen job = {&dense, rows, count, out};
        pool_run(taken, multiply_chosen, &job, (count + ROWS - 1) / ROWS);
    }
    if (!taken) free(memory);
    pool_give_back(taken);
    return memory ? 0 : -1;
}

typedef struct {
    const uint16_t *wide; /* bf16 [rows, columns] */
    int8_t *narrow;       /* [rows, columns, filled up] */
    uint16_t *scales;     /* of each FINE of them */
    int rows, columns;
} Packing;

/* Values as multiples of a scale; how far off they are then, squared. */
static float narrow_by(float scale, const float *values, int8_t *narrow) {
    float inverse = scale > 1e-30f ? 1 / scale : 0, off = 0;
    for (int i = 0; i < FINE; i++) {
        float scaled = values[i] * inverse;
        scaled = !(scaled > -127) ? -127 : scaled > 127 ? 127 : scaled; /* what is no number has a scale that is none */
        narrow[i] = (int8_t)(scaled + (scaled < 0 ? -0.5f : 0.5f));
        float rest = values[i] - (float)narrow[i] * scale;
        off += rest * rest;
    }
    return off;
}

/* One of the groups of a round. Of the scales from the least that has room for all on, the best one: a seventh is gained. */
static void pack_group(const uint16_t *wide, int group, int8_t *round, uint16_t *scale) {
    float values[FINE], most = 0;
    for (int i = 0; i < FINE; i++) {
        values[i] = of_bf16(wide[i]);
        float size = of_bf16(wide[i] & 0x7fff);
        most = size > most || size != size ? size : most;
    }
    int8_t best[FINE], other[FINE];
    *scale = to_bf16(most / 127);
    float least = narrow_by(of_bf16(*scale), values, best);
    for (uint16_t next = *scale + 1, end = *scale + SCALES; next < end; next++) {
        float off = narrow_by(of_bf16(next), values, other);
        if (off < least) least = off, *scale = next, memcpy(best, other, FINE);
    }
    for (int i = 0; i < FINE; i++) round[place_of(group * FINE + i)] = best[i];
}

static void pack_rows(void *argument, int task) {
    const Packing *job = argument;
    size_t whole = padded(job->columns);
    for (size_t row = task * ROWS; row < (size_t)smaller(task * ROWS + ROWS, job->rows); row++) {
        memset(job->narrow + row * whole, 0, whole);
        memset(job->scales + row * (whole / FINE), 0, whole / FINE * sizeof(uint16_t));
        for (int g = 0; g < job->columns / FINE; g++) {
            int8_t *round = job->narrow + row * whole + (size_t)(g / FINES) * ROUND;
            pack_group(job->wide + row * job->columns + (size_t)g * FINE, g % FINES, round, job->scales + row * (whole / FINE) + g);
        }
    }
}

void ossa_pack(Pool *pool, const uint16_t *wide, int rows, int columns, int8_t *narrow, uint16_t *scales) {
    Packing job = {wide, narrow, scales, rows, columns};
    Pool *taken = pool_taken(pool);
    pool_run(taken, pack_rows, &job, (rows + ROWS - 1) / ROWS);
    pool_give_back(taken);
}

/* Whether one of the bytes is this one. */
int ossa_holds(const uint8_t *bytes, size_t count, int byte) { return memchr(bytes, byte, count) != NULL; }

int ossa_version(void) { return 8; }
