/* Attention over states in half precision, with the sinks and windows of gpt-oss; everything else is in float.
 *
 *   queries of some tokens and the heads that share keys ─► block of states ─► scores ─► odds ─► weighed values
 *                                                 ▲────────── the next block ───────────────────────┘
 *
 * States are read once for all rows of a task. The greatest score so far is subtracted before powers are taken, and
 * what was added up is scaled when it grows.
 */
#include "kernels.h"

#include <math.h>
#include <string.h>

#define TOKENS 4   /* of a task */
#define SHARING 8  /* heads that share keys, at most */
#define WIDTH 128  /* of a head, at most */

typedef struct {
    const Kernels *kernels;
    const float *queries, *sinks;  /* [heads, new, width], [heads] or NULL */
    const uint16_t *keys, *values; /* halves [key heads, states, width], a head's `stride` halves behind the other's */
    float *out;                    /* [new, heads, width] */
    int64_t stride;
    int heads, key_heads, fresh, states, width, window;
    float scaling;
} Attention;

typedef struct {
    float queries[TOKENS * SHARING * WIDTH], sums[TOKENS * SHARING * WIDTH], scores[TOKENS * SHARING * BLOCK];
    float most[TOKENS * SHARING], total[TOKENS * SHARING];
} Rows;

static void attend_to(const Attention *job, Rows *rows, int head, int token, int count) {
    int sharing = job->heads / job->key_heads, before = job->states - job->fresh, end = before + token + count;
    int begin = job->window && before + token >= job->window ? before + token - job->window + 1 : 0;
    size_t size = (size_t)job->width * sizeof(float);
    for (int block = begin / BLOCK * BLOCK; block < end; block += BLOCK) {
        int states = smaller(BLOCK, end - block);
        size_t at = (size_t)job->stride * head + (size_t)block * job->width;
        job->kernels->score(rows->queries, count * sharing, job->width, job->keys + at, states, rows->scores);
        for (int row = 0; row < count * sharing; row++) {
            int here = before + token + row / sharing - block, first = job->window ? here - job->window + 1 : 0;
            float *scores = rows->scores + row * BLOCK, *sums = rows->sums + (size_t)row * job->width;
            float scale = job->kernels->weigh(scores, first, smaller(here + 1, states), rows->most + row, rows->total + row);
            if (scale != 1)
                for (size_t i = 0; i < size / sizeof(float); i++) sums[i] *= scale;
        }
        job->kernels->gather(rows->scores, count * sharing, job->width, job->values + at, states, rows->sums);
    }
}

/* Some tokens, for all heads that share the keys of one. */
static void attend_some(void *argument, int task) {
    const Attention *job = argument;
    int sharing = job->heads / job->key_heads, head = task % job->key_heads, token = task / job->key_heads * TOKENS;
    int count = smaller(TOKENS, job->fresh - token), rows_in_all = count * sharing, width = job->width;
    Rows rows;
    for (int row = 0; row < rows_in_all; row++) {
        int of = head * sharing + row % sharing;
        const float *query = job->queries + ((size_t)of * job->fresh + token + row / sharing) * width;
        for (int i = 0; i < width; i++) rows.queries[row * width + i] = query[i] * job->scaling;
        /* A sink is a score like those of states, and adds nothing. */
        rows.most[row] = job->sinks ? job->sinks[of] : -INFINITY;
        rows.total[row] = job->sinks ? 1 : 0;
    }
    memset(rows.sums, 0, (size_t)rows_in_all * width * sizeof(float));
    attend_to(job, &rows, head, token, count);
    for (int row = 0; row < rows_in_all; row++) {
        float *out = job->out + ((size_t)(token + row / sharing) * job->heads + head * sharing + row % sharing) * width;
        for (int i = 0; i < width; i++) out[i] = rows.sums[row * width + i] / rows.total[row];
    }
}

/* Whether heads of that shape can be computed. */
int ossa_attends(int heads, int key_heads, int width) {
    return width % 16 == 0 && width <= WIDTH && heads % key_heads == 0 && heads / key_heads <= SHARING;
}

/* queries [heads, fresh, width] over states, of which the last `fresh` are theirs, to out [fresh, heads, width]. */
void ossa_attend(Pool *pool, const Kernels *kernels, const float *queries, const uint16_t *keys, const uint16_t *values,
                 const float *sinks, int64_t stride, int heads, int key_heads, int fresh, int states, int width, int window,
                 float scaling, float *out) {
    Attention job = {kernels, queries, sinks, keys, values, out, stride, heads, key_heads, fresh, states, width, window, scaling};
    Pool *taken = pool && pool_take(pool) ? pool : NULL;
    pool_run(taken, attend_some, &job, (fresh + TOKENS - 1) / TOKENS * key_heads);
    if (taken) pool_give_back(taken);
}
