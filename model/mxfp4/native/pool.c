/* A few threads that share out the tasks of a job.
 *
 * Nobody waits for a thread that has not begun: a task belongs to whoever draws it, and a job is done when its tasks
 * are. So where tests keep a core busy, the others do its share. An idle thread looks out for work for a moment, as
 * the next job of a token follows at once, and then sleeps.
 */
#include "kernels.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#define LOOKS 4000 /* until an idle thread sleeps, some 100 microseconds */
#define MOST 64
#define FIELD 20 /* bits of a ticket for each of: the next task, the number of tasks */
#define MASK ((1u << FIELD) - 1)

struct Pool {
    pthread_mutex_t taken, lock;
    pthread_cond_t wake;
    pthread_t threads[MOST];
    int count, sleeping, closing;
    _Atomic uint64_t ticket; /* job number, tasks, next task: drawn in one step, so a late thread draws nothing */
    _Atomic int done;
    void (*work)(void *job, int task);
    void *job;
    void *memory;
    size_t size;
};

static void rest(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void draw(Pool *pool) {
    for (;;) {
        uint64_t ticket = atomic_fetch_add(&pool->ticket, 1);
        int task = (int)(ticket & MASK), tasks = (int)(ticket >> FIELD & MASK);
        if (task >= tasks) return;
        pool->work(pool->job, task);
        atomic_fetch_add(&pool->done, 1);
    }
}

static uint64_t number_of(Pool *pool) { return atomic_load(&pool->ticket) >> (2 * FIELD); }

/* Whether there is a job after the one of that number; false when the pool closes. */
static int wait_for_job(Pool *pool, uint64_t last) {
    for (int look = 0; look < LOOKS; look++) {
        if (number_of(pool) != last) return 1;
        rest();
        if (look % 256 == 255) sched_yield();
    }
    pthread_mutex_lock(&pool->lock);
    pool->sleeping++;
    while (number_of(pool) == last && !pool->closing) pthread_cond_wait(&pool->wake, &pool->lock);
    pool->sleeping--;
    int goes_on = !pool->closing;
    pthread_mutex_unlock(&pool->lock);
    return goes_on;
}

static void *serve(void *argument) {
    Pool *pool = argument;
    uint64_t last = 0;
    while (wait_for_job(pool, last)) {
        last = number_of(pool);
        draw(pool);
    }
    return NULL;
}

Pool *ossa_pool_open(int threads) {
    Pool *pool = calloc(1, sizeof(Pool));
    if (!pool) return NULL;
    pthread_mutex_init(&pool->taken, NULL);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    for (int i = 1; i < smaller(threads, MOST); i++)
        if (pthread_create(&pool->threads[pool->count], NULL, serve, pool) == 0) pool->count++;
    return pool;
}

void ossa_pool_close(Pool *pool) {
    pthread_mutex_lock(&pool->lock);
    pool->closing = 1;
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    for (int i = 0; i < pool->count; i++) pthread_join(pool->threads[i], NULL);
    free(pool->memory);
    free(pool);
}

Pool *pool_taken(Pool *pool) { return pool && pthread_mutex_trylock(&pool->taken) == 0 ? pool : NULL; }

void pool_give_back(Pool *taken) {
    if (taken) pthread_mutex_unlock(&taken->taken);
}

void *pool_memory(Pool *pool, size_t size) {
    if (size > pool->size) {
        free(pool->memory);
        pool->memory = malloc(size);
        pool->size = pool->memory ? size : 0;
    }
    return pool->memory;
}

void pool_run(Pool *pool, void (*work)(void *job, int task), void *job, int tasks) {
    if (!pool || !pool->count || tasks < 2) {
        for (int task = 0; task < tasks; task++) work(job, task);
        return;
    }
    pool->work = work;
    pool->job = job;
    atomic_store(&pool->done, 0);
    uint64_t next = number_of(pool) + 1;
    pthread_mutex_lock(&pool->lock);
    atomic_store(&pool->ticket, next << (2 * FIELD) | (uint64_t)tasks << FIELD);
    if (pool->sleeping) pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    draw(pool);
    for (int look = 0; atomic_load(&pool->done) < tasks; look++) {
        rest();
        if (look % 256 == 255) sched_yield();
    }
}
