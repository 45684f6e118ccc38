/* What the files of this folder say to each other.
 *
 *   x [tokens, columns] ─► quantise ─► Lot ─► kernel: two rows of weights × up to TILE tokens ─► experts, dense ─► out
 *
 * A kernel reads the weights as they lie in the file; which one runs is chosen by what the processor can do.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define GROUP 32 /* values that share a scale, of weights and of activations */
#define HALF 16  /* bytes of a group in MXFP4 */
#define EIGHTH 8 /* every fourth value of a group */
#define FINE 16   /* weights of dense layers in int8 that share a scale */
#define FINES 8   /* such groups that lie together */
#define ROUND 128 /* their weights; rows are filled up to whole rounds */
#define LANES 4     /* sums of a group that a kernel adds up side by side */
#define TILE 6      /* tokens that share one reading of the weights */
#define PANEL 4     /* rows that are unpacked once for many tokens */
#define BATCH 96    /* so many at most */
#define MANY 14     /* tokens from which that is faster than to unpack for each TILE of them */
#define WIDEST 4096 /* columns of such rows, at most */
#define BLOCK 64    /* states that attention looks at together */
#define AHEAD 8192  /* bytes of weights that are asked for before they are used, at least: pages of files stop the hardware's */

/* A token's activations in 16 bits: whole numbers, each group with a scale of its own, or bf16. `groups` is padded to a
 * multiple of LANES. Eight bits would be half of all that is lost, and at decode the rest waits for memory anyway. */
typedef struct {
    const int16_t *values; /* [groups / LANES, 4, LANES, EIGHTH]: the values 0, 4, 8 … of a group, then 1, 5, 9 …, as nibbles lie in 16 bits */
    const float *scale;    /* [groups, LANES], of whole numbers: the same four times, halved, as tables hold the weights doubled */
} Token;

/* Each takes two neighbouring rows and n ≤ TILE tokens, and writes out[row * TILE + token]. */
typedef struct {
    const char *name;
    /* Write a token's activations to memory of token_size. */
    void (*quantise)(const float *x, int columns, void *memory);
    /* Weights in MXFP4: blocks [2, groups, HALF], scales [2, groups] as exponents + 127. */
    void (*mxfp4)(const uint8_t *blocks, const uint8_t *scales, int groups, const Token *tokens, int n, float *out);
    /* The same of PANEL rows and n ≤ BATCH tokens, to out[row * BATCH + token]; NULL where there is no faster way. */
    void (*mxfp4_many)(const uint8_t *blocks, const uint8_t *scales, int groups, const Token *tokens, int n, float *out);
    /* Weights in int8 with a bf16 scale for each FINE of them, times activations in 16 bits; both as `place_of` has them. */
    void (*int8)(const int8_t *weights, const uint16_t *scales, int columns, const int16_t *const *x, int n, float *out);
    void (*int8_many)(const int8_t *weights, const uint16_t *scales, int columns, const Token *tokens, int n, float *out);
    void (*bf16)(const uint16_t *weights, int columns, const float *const *x, int n, float *out);
    /* Attention to a block of states in half precision, [states, width]: scores [rows, BLOCK] of queries [rows, width], the
     * odds of a row that sees those from `first` to before `end`, and what they add to out [rows, width]. */
    void (*score)(const float *queries, int rows, int width, const uint16_t *keys, int states, float *scores);
    float (*weigh)(float *scores, int first, int end, float *most, float *total);
    void (*gather)(const float *odds, int rows, int width, const uint16_t *values, int states, float *out);
    /* A multiple of 16 values to half precision, ties to even. */
    void (*halve)(const float *values, int count, uint16_t *halves);
} Kernels;

extern const Kernels plain_kernels, avx2_kernels, avx512_kernels, avx512_bf16_kernels, neon_kernels;

/* The kernels of a level, 0 being plain C, 1 AVX2 or NEON, 2 AVX-512, 3 with bf16; NULL where the processor has it not. */
const Kernels *ossa_kernels(int level);

/* Threads that share out the tasks of one job at a time. */
typedef struct Pool Pool;
Pool *ossa_pool_open(int threads);
void ossa_pool_close(Pool *pool);
/* The pool, taken for some jobs; NULL while another thread has it: who gets that works alone. */
Pool *pool_taken(Pool *pool);
void pool_give_back(Pool *taken);
/* Do all tasks, in whatever order; `pool` may be NULL. */
void pool_run(Pool *pool, void (*work)(void *job, int task), void *job, int tasks);
/* Memory that stays with the pool from one taking to the next; NULL where there is none. */
void *pool_memory(Pool *pool, size_t size);

/* A linear layer. */
typedef struct {
    const void *weights;
    const uint16_t *scales; /* NULL: the weights are bf16, and rows not filled up */
    const uint16_t *bias;   /* bf16, or NULL */
    int32_t rows, columns;  /* an even number, and a multiple of 32 */
} Linear;

/* The experts of a layer. */
typedef struct {
    const uint8_t *gate_up, *gate_up_scales; /* [experts, 2 * inner, hidden / GROUP (, HALF)] */
    const uint16_t *gate_up_bias;            /* bf16 [experts, 2 * inner] */
    const uint8_t *down, *down_scales;       /* [experts, hidden, inner / GROUP (, HALF)] */
    const uint16_t *down_bias;               /* bf16 [experts, hidden] */
    int32_t experts, hidden, inner, per_token;
    float alpha, limit;
} Experts;

/* x [tokens, columns] by some layers, all in int8 or all in bf16, each to its out [tokens, rows]; 0, or -1 without memory for it. */
int multiply(Pool *taken, const Kernels *kernels, const Linear *linears, int count, const float *x, int tokens, float *const *outs);
/* x [tokens, hidden], chosen and weights [tokens, per_token], to out [tokens, hidden]; 0, or -1 without memory for it. */
int through_experts(Pool *taken, const Kernels *kernels, const Experts *experts, const float *x, int tokens, const int64_t *chosen,
                    const float *weights, float *out);

/* States of a layer: halves [key heads, tokens, width], a head's `stride` halves behind the other's. */
typedef struct {
    uint16_t *keys, *values;
    int64_t stride;
} Kept;

/* Attention of the last tokens, the fresh ones, to all states before each of them and to its own. The first of the states may
 * lie elsewhere, as several rows go on from them. */
typedef struct {
    const Kernels *kernels;
    const float *queries, *sinks; /* [fresh, heads, width], [heads] or NULL */
    Kept common, own;
    float *out; /* [fresh, heads, width] */
    int heads, key_heads, fresh, shared, states, width, window; /* shared: states in `common`, of all */
    float scaling;
} Attention;

void attend(Pool *taken, const Attention *job);

/* Bytes of a token's activations, and writing them as whole numbers: a value that is none makes the whole group none. */
size_t token_size(int columns);
void quantise(const float *x, int columns, void *memory);
Token token_at(const void *memory, int columns, size_t number);

/* Where in its round a value lies: four and four of the groups take turns, so that sums of pairs, of however many values a
 * register holds, have the groups' in a row, and a group is multiplied with its scale but twice. */
static inline int place_of(int value) { return value % FINE / 4 * (4 * FINES) + value / FINE * 4 + value % 4; }

static inline int padded(int columns) { return (columns + ROUND - 1) / ROUND * ROUND; }

/* Where the values of a group begin that are multiplied with the nibbles of that number in a word. */
static inline int values_at(int group, int nibble) { return (group / LANES * 4 + nibble) * LANES * EIGHTH + group % LANES * EIGHTH; }

/* The scales of four groups, or of as many as are left, the first one lowest. */
static inline uint32_t four_of(const uint8_t *scales, int left) {
    uint32_t four = 0;
    if (left >= 4) memcpy(&four, scales, 4);
    else for (int i = 0; i < left; i++) four |= (uint32_t)scales[i] << (8 * i);
    return four;
}

static inline int smaller(int one, int other) { return one < other ? one : other; }

/* Of what is left so many, at most, that no small rest remains in the end. */
static inline int share_of(int left, int most) {
    int times = (left + most - 1) / most;
    return (left + times - 1) / times;
}

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

/* e^x to 1e-6 of it; a plain formula, so that the compiler can do several at once. */
static inline float exponential(float x) {
    x = !(x > -87) ? -87 : x > 87 ? 87 : x; /* also of what is no number, which has no whole part */
    float turns = x * 1.44269504f;
    int whole = (int)(turns + (turns < 0 ? -0.5f : 0.5f));
    float rest = x - (float)whole * 0.693359375f + (float)whole * 2.12194440e-4f;
    float power = 1.9875691500e-4f;
    power = power * rest + 1.3981999507e-3f;
    power = power * rest + 8.3334519073e-3f;
    power = power * rest + 4.1665795894e-2f;
    power = power * rest + 1.6666665459e-1f;
    power = power * rest + 5.0000001201e-1f;
    return (power * rest * rest + rest + 1) * of_bits((uint32_t)(whole + 127) << 23);
}

/* Bytes between what is read and what is asked for: a whole number of pairs of rows, so that nothing is left out. */
static inline size_t ahead_of(size_t pair) { return pair * ((AHEAD + pair - 1) / pair); }
