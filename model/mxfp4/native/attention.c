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
    float queries[TOKENS * SHARING * WIDTH], sums[TOKENS * SHARING * WIDTH], scores[TOKENS * SHARING * BLOCK];
    float most[TOKENS * SHARING], total[TOKENS * SHARING];
    uint16_t keys[BLOCK * WIDTH], values[BLOCK * WIDTH];
} Rows;

/* A head's states from `first` on, some of a block; to `room`, if they lie in two places. */
static const uint16_t *states_of(const Attention *job, int is_value, int head, int first, int count, uint16_t *room) {
    const Kept *common = &job->common, *own = &job->own;
    const uint16_t *late = (is_value ? own->values : own->keys) + own->stride * head;
    if (first >= job->shared) return late + (size_t)(first - job->shared) * job->width;
    const uint16_t *early = (is_value ? common->values : common->keys) + common->stride * head + (size_t)first * job->width;
    if (first + count <= job->shared) return early;
    size_t left = (size_t)(job->shared - first) * job->width;
    memcpy(room, early, left * sizeof(uint16_t));
    memcpy(room + left, late, ((size_t)count * job->width - left) * sizeof(uint16_t));
    return room;
}

static void attend_to(const Attention *job, Rows *rows, int head, int token, int count) {
    int sharing = job->heads / job->key_heads, before = job->states - job->fresh, end = before + token + count;
    int begin = job->window && before + token >= job->window ? before + token - job->window + 1 : 0;
    for (int block = begin / BLOCK * BLOCK; block < end; block += BLOCK) {
        int states = smaller(BLOCK, end - block);
        const uint16_t *keys = states_of(job, 0, head, block, states, rows->keys);
        job->kernels->score(rows->queries, count * sharing, job->width, keys, states, rows->scores);
        for (int row = 0; row < count * sharing; row++) {
            int here = before + token + row / sharing - block, first = job->window ? here - job->window + 1 : 0;
            float *scores = rows->scores + row * BLOCK, *sums = rows->sums + (size_t)row * job->width;
            float scale = job->kernels->weigh(scores, first, smaller(here + 1, states), rows->most + row, rows->total + row);
            if (scale != 1)
                for (int i = 0; i < job->width; i++) sums[i] *= scale;
        }
        const uint16_t *values = states_of(job, 1, head, block, states, rows->values);
        job->kernels->gather(rows->scores, count * sharing, job->width, values, states, rows->sums);
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
        const float *query = job->queries + ((size_t)(token + row / sharing) * job->heads + of) * width;
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

void attend(Pool *taken, const Attention *job) {
    pool_run(taken, attend_some, (void *)job, (job->fresh + TOKENS - 1) / TOKENS * job->key_heads);
}

void ossa_attend(Pool *pool, const Attention *job) {
    Pool *taken = pool_taken(pool);
    attend(taken, job);
    pool_give_back(taken);
}
