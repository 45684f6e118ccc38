/* The experts of gpt-oss: each token goes through the few that were chosen for it.
 *
 *   x ─► 16 bits ─► gate and up rows, neighbours ─► clamped SwiGLU ─► 16 bits ─► down rows ─► weighed, added up ─► out
 *
 * Tokens that chose the same expert share a reading of its weights: drafts at decode, everything at prefill.
 */
#include "kernels.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK 96 /* rows in a task */

typedef struct {
    const Kernels *kernels;
    const Experts *experts;
    const float *x, *weights;
    float *out, *between; /* [tokens, hidden], [tokens * per_token, inner] */
    char *read, *read_between; /* the same in 16 bits */
    const int *order, *begins; /* slots by expert, and where those of each expert begin */
    const int *active;         /* experts that have any */
    int actives, chunks, tokens;
} Job;

/* Comparisons let through what is no number. */
static void swiglu(const float *gates, const float *ups, int count, float alpha, float limit, float *out) {
    for (int i = 0; i < count; i++) {
        float gate = gates[i] > limit ? limit : gates[i];
        float up = ups[i] > limit ? limit : ups[i] < -limit ? -limit : ups[i];
        out[i] = (up + 1) * gate / (1 + exponential(-alpha * gate));
    }
}

static void read_token(void *argument, int token) {
    Job *job = argument;
    int hidden = job->experts->hidden;
    job->kernels->quantise(job->x + (size_t)token * hidden, hidden, job->read + (size_t)token * token_size(hidden));
}

static void read_between(void *argument, int slot) {
    Job *job = argument;
    int inner = job->experts->inner;
    job->kernels->quantise(job->between + (size_t)slot * inner, inner, job->read_between + (size_t)slot * token_size(inner));
}

/* Rows of one expert, so many, beginning with that one of all experts' rows. */
typedef struct {
    const uint8_t *blocks, *scales;
    int groups, count;
} Rows;

static Rows rows_at(const uint8_t *blocks, const uint8_t *scales, int columns, size_t first, int count) {
    int groups = columns / GROUP;
    return (Rows){blocks + first * groups * HALF, scales + first * groups, groups, count};
}

/* Two and two rows for each tile of tokens, to sums[row][token]. */
static void by_pairs(const Kernels *kernels, const Rows *rows, const Token *tokens, int n, float sums[CHUNK][BATCH]) {
    float tile[2 * TILE];
    for (int begin = 0, some; begin < n; begin += some) {
        some = share_of(n - begin, TILE);
        for (int row = 0; row < rows->count; row += 2) {
            size_t at = (size_t)row * rows->groups;
            kernels->mxfp4(rows->blocks + at * HALF, rows->scales + at, rows->groups, tokens + begin, some, tile);
            for (int t = 0; t < some; t++) sums[row][begin + t] = tile[t], sums[row + 1][begin + t] = tile[TILE + t];
        }
    }
}

/* The same to the last bit. */
static void by_panels(const Kernels *kernels, const Rows *rows, const Token *tokens, int n, float sums[CHUNK][BATCH]) {
    for (int row = 0; row < rows->count; row += PANEL) {
        size_t at = (size_t)row * rows->groups;
        kernels->mxfp4_many(rows->blocks + at * HALF, rows->scales + at, rows->groups, tokens, n, sums[row]);
    }
}

static void multiply_rows(const Kernels *kernels, const Rows *rows, const Token *tokens, int n, float sums[CHUNK][BATCH]) {
    int can = kernels->mxfp4_many && rows->count % PANEL == 0 && rows->groups * GROUP <= WIDEST;
    (can && n >= MANY ? by_panels : by_pairs)(kernels, rows, tokens, n, sums);
}

/* Some rows of gate and up of one expert, which take turns, for all tokens that chose it. */
static void gate_up(void *argument, int task) {
    Job *job = argument;
    const Experts *all = job->experts;
    int expert = job->active[task / job->chunks], first = task % job->chunks * CHUNK, count = smaller(CHUNK, 2 * all->inner - first);
    size_t row = (size_t)expert * 2 * all->inner + (size_t)first;
    const uint16_t *bias = all->gate_up_bias + row;
    Rows rows = rows_at(all->gate_up, all->gate_up_scales, all->hidden, row, count);
    for (int slot = job->begins[expert], n; slot < job->begins[expert + 1]; slot += n) {
        n = share_of(job->begins[expert + 1] - slot, BATCH);
        Token tokens[BATCH];
        for (int t = 0; t < n; t++) tokens[t] = token_at(job->read, all->hidden, (size_t)(job->order[slot + t] / all->per_token));
        float sums[CHUNK][BATCH], gates[CHUNK / 2], ups[CHUNK / 2];
        multiply_rows(job->kernels, &rows, tokens, n, sums);
        for (int t = 0; t < n; t++) {
            for (int i = 0; i < count / 2; i++) {
                gates[i] = sums[2 * i][t] + of_bf16(bias[2 * i]);
                ups[i] = sums[2 * i + 1][t] + of_bf16(bias[2 * i + 1]);
            }
            swiglu(gates, ups, count / 2, all->alpha, all->limit, job->between + (size_t)job->order[slot + t] * all->inner + first / 2);
        }
    }
}

/* Some rows of the output of one expert, for all tokens that chose it. */
static void down_of(Job *job, int expert, int first, int count) {
    const Experts *all = job->experts;
    size_t row = (size_t)expert * all->hidden + first;
    Rows rows = rows_at(all->down, all->down_scales, all->inner, row, count);
    for (int slot = job->begins[expert], n; slot < job->begins[expert + 1]; slot += n) {
        n = share_of(job->begins[expert + 1] - slot, BATCH);
        Token tokens[BATCH];
        for (int t = 0; t < n; t++) tokens[t] = token_at(job->read_between, all->inner, (size_t)job->order[slot + t]);
        float sums[CHUNK][BATCH];
        multiply_rows(job->kernels, &rows, tokens, n, sums);
        for (int t = 0; t < n; t++) {
            int number = job->order[slot + t];
            float *out = job->out + (size_t)(number / all->per_token) * all->hidden + first, weight = job->weights[number];
            for (int i = 0; i < count; i++) out[i] += weight * (sums[i][t] + of_bf16(all->down_bias[row + i]));
        }
    }
}

/* The same rows of all experts, as they are added up. */
static void down(void *argument, int task) {
    Job *job = argument;
    int first = task * CHUNK, count = smaller(CHUNK, job->experts->hidden - first);
    for (int i = 0; i < job->actives; i++) down_of(job, job->active[i], first, count);
}

/* Slots by expert; `begins` has one more than there are experts. Returns how many experts have any. */
static int sort(const int64_t *chosen, int slots, int experts, int *order, int *begins, int *active) {
    int actives = 0;
    memset(begins, 0, (size_t)(experts + 1) * sizeof(int));
    for (int slot = 0; slot < slots; slot++) begins[chosen[slot] + 1]++;
    for (int expert = 0; expert < experts; expert++) {
        if (begins[expert + 1]) active[actives++] = expert;
        begins[expert + 1] += begins[expert];
    }
    for (int slot = 0; slot < slots; slot++) order[begins[chosen[slot]]++] = slot;
    for (int expert = experts; expert > 0; expert--) begins[expert] = begins[expert - 1];
    begins[0] = 0;
    return actives;
}

static void run(Pool *pool, Job *job) {
    int tokens = job->tokens, slots = tokens * job->experts->per_token;
    /* A few are quantised faster than others are woken for it. */
    pool_run(tokens > 4 ? pool : NULL, read_token, job, tokens);
    pool_run(pool, gate_up, job, job->actives * job->chunks);
    pool_run(tokens > 1 ? pool : NULL, read_between, job, slots);
    memset(job->out, 0, (size_t)tokens * job->experts->hidden * sizeof(float));
    pool_run(pool, down, job, (job->experts->hidden + CHUNK - 1) / CHUNK);
}

static char *part(char **memory, size_t size) {
    char *begin = *memory;
    *memory += (size + 63) / 64 * 64;
    return begin;
}

/* As ossa_experts, by a pool that is taken already, or alone. */
int through_experts(Pool *taken, const Kernels *kernels, const Experts *experts, const float *x, int tokens, const int64_t *chosen,
                    const float *weights, float *out) {
    size_t slots = (size_t)tokens * experts->per_token, many = (size_t)experts->experts + 1;
    size_t sizes[] = {tokens * token_size(experts->hidden), slots * token_size(experts->inner), slots * experts->inner * sizeof(float),
                      slots * sizeof(int), many * sizeof(int), many * sizeof(int)};
    size_t total = 64 * 7;
    for (int i = 0; i < 6; i++) total += sizes[i];
    char *memory = taken ? pool_memory(taken, total) : malloc(total);
    char *next = (char *)(((uintptr_t)memory + 63) / 64 * 64);
    if (memory) {
        Job job = {.kernels = kernels, .experts = experts, .x = x, .weights = weights, .out = out};
        job.read = part(&next, sizes[0]);
        job.read_between = part(&next, sizes[1]);
        job.between = (float *)part(&next, sizes[2]);
        int *order = (int *)part(&next, sizes[3]), *begins = (int *)part(&next, sizes[4]), *active = (int *)part(&next, sizes[5]);
        job.actives = sort(chosen, (int)slots, experts->experts, order, begins, active);
        job.order = order, job.begins = begins, job.active = active;
        job.chunks = (2 * experts->inner + CHUNK - 1) / CHUNK;
        job.tokens = tokens;
        run(taken, &job);
    }
    if (!taken) free(memory);
    return memory ? 0 : -1;
}

/* x [tokens, hidden], chosen and weights [tokens, per_token], out [tokens, hidden]; 0, or -1 without memory for it. */
int ossa_experts(Pool *pool, const Kernels *kernels, const Experts *experts, const float *x, int tokens, const int64_t *chosen,
                 const float *weights, float *out) {
    Pool *taken = pool_taken(pool);
    int done = through_experts(taken, kernels, experts, x, tokens, chosen, weights, out);
    pool_give_back(taken);
    return done;
}
