/* What the files of this folder say to each other.
 *
 *   x [tokens, columns] ─► quantise ─► Lot ─► kernel: two rows of weights × up to TILE tokens ─► experts, dense ─► out
 *
 * A kernel reads the weights as they lie in the file; which one runs is chosen by what the processor can do.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define GROUP 32 /* values that share a scale, of weights and of activations */
#define HALF 16  /* bytes of a group in MXFP4 */
#define EIGHTH 8 /* every fourth value of a group */
#define FINE 16  /* weights of dense layers in int8 that share a scale */
#define LANES 4  /* sums of a group that a kernel adds up side by side */
#define TILE 4   /* tokens that share one reading of the weights */
#define BLOCK 64 /* states that attention looks at together */
#define AHEAD 4096 /* bytes of weights that are asked for before they are used, at least: pages of files stop the hardware's */

/* A token's activations in 16 bits, each group with a scale of its own; `groups` is padded to a multiple of LANES.
 * Eight bits would be half of all that is lost, and at decode the rest waits for memory anyway. */
typedef struct {
    const int16_t *every[4]; /* [groups, EIGHTH] each: the values 0, 4, 8 … of a group, then 1, 5, 9 …, as nibbles lie in 16 bits */
    const float *scale;      /* [groups, LANES]: the same four times, halved, as tables hold the weights doubled */
} Token;

/* Each takes two neighbouring rows and n ≤ TILE tokens, and writes out[row * TILE + token]. */
typedef struct {
    const char *name;
    /* Weights in MXFP4: blocks [2, groups, HALF], scales [2, groups] as exponents + 127. */
    void (*mxfp4)(const uint8_t *blocks, const uint8_t *scales, int groups, const Token *tokens, int n, float *out);
    /* Weights in int8 with a bf16 scale for each FINE of them. */
    void (*int8)(const void *weights, const uint16_t *scales, int columns, const float *const *x, int n, float *out);
    /* Weights in bf16; `scales` is not looked at. */
    void (*bf16)(const void *weights, const uint16_t *scales, int columns, const float *const *x, int n, float *out);
    /* Attention to a block of states in half precision, [states, width]: scores [rows, BLOCK] of queries [rows, width], the
     * odds of a row that sees those from `first` to before `end`, and what they add to out [rows, width]. */
    void (*score)(const float *queries, int rows, int width, const uint16_t *keys, int states, float *scores);
    float (*weigh)(float *scores, int first, int end, float *most, float *total);
    void (*gather)(const float *odds, int rows, int width, const uint16_t *values, int states, float *out);
} Kernels;

extern const Kernels plain_kernels, avx2_kernels, avx512_kernels, neon_kernels;

/* The kernels of a level, 0 being plain C, 1 AVX2 or NEON, 2 AVX-512; NULL where the processor has it not. */
const Kernels *ossa_kernels(int level);

/* Threads that share out the tasks of one job at a time. */
typedef struct Pool Pool;
Pool *ossa_pool_open(int threads);
void ossa_pool_close(Pool *pool);
/* Take the pool for some jobs; false while another thread has it, which then works alone, with NULL for the pool. */
int pool_take(Pool *pool);
void pool_give_back(Pool *pool);
/* Do all tasks, in whatever order; `pool` may be NULL. */
void pool_run(Pool *pool, void (*work)(void *job, int task), void *job, int tasks);
/* Memory that stays with the pool from one taking to the next; NULL where there is none. */
void *pool_memory(Pool *pool, size_t size);

/* Bytes of a token's activations, and writing them: a value that is no number makes the whole group none. */
size_t token_size(int columns);
void quantise(const float *x, int columns, void *memory);
Token token_at(const void *memory, int columns, size_t number);

static inline int smaller(int one, int other) { return one < other ? one : other; }

static inline float of_bits(uint32_t bits) {
    union { uint32_t bits; float value; } both = {bits};
    return both.value;
}

static inline uint32_t bits_of(float value) {
    union { float value; uint32_t bits; } both = {value};
    return both.bits;
}

static inline float of_bf16(uint16_t value) { return of_bits((uint32_t)value << 16); }

/* The nearest, ties to even. */
static inline uint16_t to_bf16(float value) {
    uint32_t bits = bits_of(value);
    if (value != value) return 0x7fc0;
    return (uint16_t)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

/* Bytes between what is read and what is asked for: a whole number of pairs of rows, so that nothing is left out. */
static inline size_t ahead_of(size_t pair) { return pair * ((AHEAD + pair - 1) / pair); }
