/* The experts of gpt-oss: each token goes through the few that were chosen for it.
 *
 *   x ─► 16 bits ─► gate and up rows, neighbours ─► clamped SwiGLU ─► 16 bits ─► down rows ─► weighed, added up ─► out
 *
 * Tokens that chose the same expert share a reading of its weights: drafts at decode, everything at prefill.
 */
#include "kernels.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK 48 /* pairs of rows in a task */

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

/* Some pairs of gate and up of one expert, for all tokens that chose it. */
static void gate_up(void *argument, int task) {
    Job *job = argument;
    const Experts *all = job->experts;
    int expert = job->active[task / job->chunks], groups = all->hidden / GROUP;
    int first = task % job->chunks * CHUNK, count = smaller(CHUNK, all->inner - first);
    size_t row = (size_t)expert * 2 * all->inner + 2 * (size_t)first;
    for (int slot = job->begins[expert], n; slot < job->begins[expert + 1]; slot += n) {
        n = share_of(job->begins[expert + 1] - slot, TILE);
        Token tokens[TILE];
        for (int t = 0; t < n; t++) tokens[t] = token_at(job->read, all->hidden, (size_t)(job->order[slot + t] / all->per_token));
        float gates[TILE][CHUNK], ups[TILE][CHUNK], sums[2 * TILE];
        for (int pair = 0; pair < count; pair++) {
            size_t at = row + 2 * (size_t)pair;
            job->kernels->mxfp4(all->gate_up + at * groups * HALF, all->gate_up_scales + at * groups, groups, tokens, n, sums);
            for (int t = 0; t < n; t++) {
                gates[t][pair] = sums[t] + of_bf16(all->gate_up_bias[at]);
                ups[t][pair] = sums[TILE + t] + of_bf16(all->gate_up_bias[at + 1]);
            }
        }
        for (int t = 0; t < n; t++)
            swiglu(gates[t], ups[t], count, all->alpha, all->limit, job->between + (size_t)job->order[slot + t] * all->inner + first);
    }
}

/* Some rows of the output of one expert, for all tokens that chose it. */
static void down_of(Job *job, int expert, int first, int end) {
    const Experts *all = job->experts;
    int groups = all->inner / GROUP;
    for (int slot = job->begins[expert], n; slot < job->begins[expert + 1]; slot += n) {
        n = share_of(job->begins[expert + 1] - slot, TILE);
        Token tokens[TILE];
        for (int t = 0; t < n; t++) tokens[t] = token_at(job->read_between, all->inner, (size_t)job->order[slot + t]);
        for (int row = first; row < end; row += 2) {
            size_t at = (size_t)expert * all->hidden + row;
            float sums[2 * TILE];
            job->kernels->mxfp4(all->down + at * groups * HALF, all->down_scales + at * groups, groups, tokens, n, sums);
            for (int t = 0; t < n; t++) {
                int number = job->order[slot + t];
                float *out = job->out + (size_t)(number / all->per_token) * all->hidden + row;
                out[0] += job->weights[number] * (sums[t] + of_bf16(all->down_bias[at]));
                out[1] += job->weights[number] * (sums[TILE + t] + of_bf16(all->down_bias[at + 1]));
            }
        }
    }
}

/* The same rows of all experts, as they are added up. */
static void down(void *argument, int task) {
    Job *job = argument;
    int first = task * 2 * CHUNK, end = smaller(first + 2 * CHUNK, job->experts->hidden);
    for (int i = 0; i < job->actives; i++) down_of(job, job->active[i], first, end);
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
    pool_run(pool, down, job, (job->experts->hidden + 2 * CHUNK - 1) / (2 * CHUNK));
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
        job.chunks = (experts->inner + CHUNK - 1) / CHUNK;
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
