/* All layers of gpt-oss for some tokens of one row, so that nothing but weights takes time between one layer and the next.
 *
 *   x ─► norm ─► queries, keys, values ─► turned by their places ─► states have grown ─► attention ─► + x
 *     ─► norm ─► router: the best few ─► experts ─► + x ─► the next layer
 *
 * Norms, router and what goes from layer to layer are in float. Of each token everything is computed alone, or in an
 * order that does not depend on the others.
 */
#define _POSIX_C_SOURCE 200809L /* for the clock */

#include "kernels.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SIDE_BY_SIDE 16

typedef struct {
    int32_t hidden, heads, key_heads, width; /* of a head */
    float epsilon, scaling;
} Shape;

typedef struct {
    const uint16_t *norm, *later_norm; /* bf16 [hidden] */
    Linear query, key, value, out, router;
    const float *sinks; /* [heads] */
    Experts experts;
    int32_t window; /* 0: it sees all */
} Layer;

/* Where time went, in seconds. */
typedef struct {
    double experts, dense, attention;
} Spent;

typedef struct {
    Pool *taken;
    const Kernels *kernels;
    const Shape *shape;
    const Layer *layer;
    const Kept *states; /* with room for the new ones */
    int tokens, known;
    const float *cosines, *sines; /* [tokens, width / 2] */
    float *x;                     /* [tokens, hidden] */
    float *normed, *made;         /* the same */
    float *queries, *keys, *values, *seen; /* [tokens, heads or key heads, width] */
    float *scores, *shares;       /* [tokens, experts], [tokens, per token] */
    int64_t *chosen;              /* as shares */
} Run;

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void norm(const float *x, const uint16_t *weight, int hidden, float epsilon, float *out) {
    float sums[SIDE_BY_SIDE] = {0}, total = 0;
    for (int begin = 0; begin < hidden; begin += SIDE_BY_SIDE)
        for (int i = 0; i < SIDE_BY_SIDE; i++) sums[i] += x[begin + i] * x[begin + i];
    for (int i = 0; i < SIDE_BY_SIDE; i++) total += sums[i];
    float scale = 1 / __builtin_elementwise_sqrt(total / (float)hidden + epsilon);
    for (int i = 0; i < hidden; i++) out[i] = of_bf16(weight[i]) * (x[i] * scale);
}

static void norm_token(void *argument, int token) {
    const Run *run = argument;
    size_t at = (size_t)token * run->shape->hidden;
    norm(run->x + at, run->layer->norm, run->shape->hidden, run->shape->epsilon, run->normed + at);
}

/* Turns the halves of each head against each other, by where the token is. */
static void turn(float *heads, int count, int width, const float *cosines, const float *sines) {
    for (float *first = heads; first < heads + (size_t)count * width; first += width) {
        float *second = first + width / 2;
        for (int i = 0; i < width / 2; i++) {
            float one = first[i], other = second[i];
            first[i] = one * cosines[i] - other * sines[i];
            second[i] = other * cosines[i] + one * sines[i];
        }
    }
}

static void keep_token(void *argument, int token) {
    const Run *run = argument;
    const Shape *shape = run->shape;
    const float *cosines = run->cosines + (size_t)token * shape->width / 2, *sines = run->sines + (size_t)token * shape->width / 2;
    size_t size = (size_t)shape->key_heads * shape->width;
    float *keys = run->keys + token * size, *values = run->values + token * size;
    turn(run->queries + (size_t)token * shape->heads * shape->width, shape->heads, shape->width, cosines, sines);
    turn(keys, shape->key_heads, shape->width, cosines, sines);
    for (int head = 0; head < shape->key_heads; head++) {
        size_t at = (size_t)run->states->stride * head + (size_t)(run->known + token) * shape->width;
        run->kernels->halve(keys + (size_t)head * shape->width, shape->width, run->states->keys + at);
        run->kernels->halve(values + (size_t)head * shape->width, shape->width, run->states->values + at);
    }
}

static void add(float *x, const float *made, int hidden) {
    for (int i = 0; i < hidden; i++) x[i] += made[i];
}

static void join_token(void *argument, int token) {
    const Run *run = argument;
    size_t at = (size_t)token * run->shape->hidden;
    add(run->x + at, run->made + at, run->shape->hidden);
    norm(run->x + at, run->layer->later_norm, run->shape->hidden, run->shape->epsilon, run->normed + at);
}

static void end_token(void *argument, int token) {
    const Run *run = argument;
    size_t at = (size_t)token * run->shape->hidden;
    add(run->x + at, run->made + at, run->shape->hidden);
}

/* The best of a token's scores, each time the first of those that are left, and what they count. Where none is a number, the
 * first experts are as good as others, and what they make is none. */
static void choose(const float *scores, int experts, int count, int64_t *chosen, float *shares) {
    float total = 0;
    for (int place = 0; place < count; place++) {
        int best = -1;
        for (int expert = 0; expert < experts; expert++) {
            int is_taken = 0;
            for (int i = 0; i < place; i++) is_taken |= chosen[i] == expert;
            if (!is_taken && (best < 0 || scores[expert] > scores[best])) best = expert;
        }
        chosen[place] = best;
        shares[place] = exponential(scores[best] - scores[chosen[0]]) + (scores[best] - scores[best]);
        total += shares[place];
    }
    for (int place = 0; place < count; place++) shares[place] /= total;
}

static void choose_token(void *argument, int token) {
    const Run *run = argument;
    int experts = run->layer->experts.experts, count = run->layer->experts.per_token;
    size_t at = (size_t)token * count;
    choose(run->scores + (size_t)token * experts, experts, count, run->chosen + at, run->shares + at);
}

static int attend_and_add(Run *run, Spent *spent) {
    const Layer *layer = run->layer;
    const Shape *shape = run->shape;
    double begin = seconds();
    float *parts[] = {run->queries, run->keys, run->values};
    Linear linears[] = {layer->query, layer->key, layer->value};
    if (multiply(run->taken, run->kernels, linears, 3, run->normed, run->tokens, parts)) return -1;
    double middle = seconds();
    pool_run(run->taken, keep_token, run, run->tokens);
    Attention job = {run->kernels, run->queries, layer->sinks, *run->states, *run->states, run->seen, shape->heads, shape->key_heads, run->tokens,
                     0, run->known + run->tokens, shape->width, layer->window, shape->scaling};
    attend(run->taken, &job);
    double end = seconds();
    spent->attention += end - middle;
    int done = multiply(run->taken, run->kernels, &layer->out, 1, run->seen, run->tokens, &run->made);
    spent->dense += middle - begin + seconds() - end;
    return done;
}

static int run_layer(Run *run, Spent *spent) {
    const Layer *layer = run->layer;
    pool_run(run->taken, norm_token, run, run->tokens);
    if (attend_and_add(run, spent)) return -1;
    pool_run(run->taken, join_token, run, run->tokens);
    if (multiply(run->taken, run->kernels, &layer->router, 1, run->normed, run->tokens, &run->scores)) return -1;
    pool_run(NULL, choose_token, run, run->tokens);
    double begin = seconds();
    int done = through_experts(run->taken, run->kernels, &layer->experts, run->normed, run->tokens, run->chosen, run->shares, run->made);
    spent->experts += seconds() - begin;
    pool_run(run->taken, end_token, run, run->tokens);
    return done;
}

static void *part(char **next, size_t size) {
    char *begin = *next;
    *next += (size + 63) / 64 * 64;
    return begin;
}

/* Room for what is made on the way; the memory to free, or NULL. */
static void *room_of(Run *run) {
    const Shape *shape = run->shape;
    size_t tokens = run->tokens, hidden = tokens * shape->hidden * sizeof(float);
    size_t queries = tokens * shape->heads * shape->width * sizeof(float), keys = tokens * shape->key_heads * shape->width * sizeof(float);
    size_t scores = tokens * run->layer->experts.experts * sizeof(float), chosen = tokens * run->layer->experts.per_token * sizeof(int64_t);
    char *memory = malloc(2 * hidden + 2 * queries + 2 * keys + scores + 2 * chosen + 10 * 64);
    if (!memory) return NULL;
    char *next = (char *)(((uintptr_t)memory + 63) / 64 * 64);
    run->normed = part(&next, hidden), run->made = part(&next, hidden);
    run->queries = part(&next, queries), run->seen = part(&next, queries);
    run->keys = part(&next, keys), run->values = part(&next, keys);
    run->scores = part(&next, scores), run->shares = part(&next, chosen), run->chosen = part(&next, chosen);
    return memory;
}

/* x [tokens, hidden] through all layers, in place; `known` tokens are before them. 0, or -1 without memory for it. */
int ossa_layers(Pool *pool, const Kernels *kernels, const Shape *shape, const Layer *layers, const Kept *states, int count, float *x,
                int tokens, int known, const float *cosines, const float *sines, Spent *spent) {
    Run run = {pool_taken(pool), kernels, shape, layers, states, tokens, known, cosines, sines, .x = x};
    void *memory = room_of(&run);
    int done = memory ? 0 : -1;
    for (int number = 0; number < count && !done; number++) {
        run.layer = layers + number, run.states = states + number;
        done = run_layer(&run, spent);
    }
    free(memory);
    pool_give_back(run.taken);
    return done;
}

/* The same of a layer apart, for tokens that do not go through all in one. */
void ossa_norm(const float *x, const uint16_t *weight, int tokens, int hidden, float epsilon, float *out) {
    for (size_t at = 0; at < (size_t)tokens * hidden; at += hidden) norm(x + at, weight, hidden, epsilon, out + at);
}

void ossa_choose(const float *scores, int tokens, int experts, int count, int64_t *chosen, float *shares) {
    for (size_t token = 0; token < (size_t)tokens; token++)
        choose(scores + token * experts, experts, count, chosen + token * count, shares + token * count);
}
