/* A few threads that share out the tasks of a job.
 *
 *   tasks ─► a run of neighbours for each thread, done from its begin ─► what others have left, from their ends
 *
 * Neighbours lie beside each other in memory: who does them in turn has asked for the next one's weights already, which
 * with fewer drawings is an eighth of a token's time. Nobody waits for a thread that has not begun: a task belongs to
 * whoever draws it, and a job is done when its tasks are. So where tests keep a core busy, the others do its share. An
 * idle thread looks out for work for a moment, as the next job of a token follows at once, and then sleeps.
 */
#include "kernels.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#define LOOKS 4000 /* until an idle thread sleeps, some 100 microseconds */
#define MOST 64
#define FIELD 20 /* bits of a share for each of: its next task, the one after its last */
#define MASK ((1u << FIELD) - 1)
#define LINE 64
#define BITES 4 /* of what is left */
#define STACK (1 << 20)

/* Number of the job, end and next task: drawn in one step, so that a late thread draws nothing of another job. */
typedef struct {
    _Atomic uint64_t left;
    char apart[LINE - sizeof(uint64_t)];
} Share;

struct Pool {
    pthread_mutex_t taken, lock;
    pthread_cond_t wake;
    pthread_t threads[MOST];
    int count, sleeping, closing;
    Share shares[MOST]; /* of who gives the job, and of each thread */
    _Atomic uint64_t number; /* of the job */
    _Atomic int begun, done; /* threads, and tasks */
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

/* Some tasks of a share, from *first on; 0 when there are none. The owner takes a quarter of what is left, from the begin,
 * and another thread one from the end: what is drawn is not shared out any more, and each drawing costs time. */
static int draw(Share *share, int own, int *first) {
    uint64_t left = atomic_load(&share->left);
    for (;;) {
        int next = (int)(left & MASK), end = (int)(left >> FIELD & MASK);
        if (next >= end) return 0;
        int count = own ? (end - next + BITES - 1) / BITES : 1;
        *first = own ? next : end - 1;
        uint64_t rest = own ? left + (uint64_t)count : left - ((uint64_t)1 << FIELD);
        if (atomic_compare_exchange_weak(&share->left, &left, rest)) return count;
    }
}

static void work_on(Pool *pool, int own) {
    for (int i = 0, count, first; i <= pool->count; i++) {
        int owner = (own + i) % (pool->count + 1);
        while ((count = draw(pool->shares + owner, owner == own, &first))) {
            for (int task = first; task < first + count; task++) pool->work(pool->job, task);
            atomic_fetch_add(&pool->done, count);
        }
    }
}

/* Whether there is a job after the one of that number; false when the pool closes. */
static int wait_for_job(Pool *pool, uint64_t last) {
    for (int look = 0; look < LOOKS; look++) {
        if (atomic_load(&pool->number) != last) return 1;
        rest();
        if (look % 256 == 255) sched_yield();
    }
    pthread_mutex_lock(&pool->lock);
    pool->sleeping++;
    while (atomic_load(&pool->number) == last && !pool->closing) pthread_cond_wait(&pool->wake, &pool->lock);
    pool->sleeping--;
    int goes_on = !pool->closing;
    pthread_mutex_unlock(&pool->lock);
    return goes_on;
}

static void *serve(void *argument) {
    Pool *pool = argument;
    int own = atomic_fetch_add(&pool->begun, 1) + 1;
    uint64_t last = 0;
    while (wait_for_job(pool, last)) {
        last = atomic_load(&pool->number);
        work_on(pool, own);
    }
    return NULL;
}

Pool *ossa_pool_open(int threads) {
    Pool *pool = calloc(1, sizeof(Pool));
    if (!pool) return NULL;
    pthread_mutex_init(&pool->taken, NULL);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pthread_attr_t roomy;
    pthread_attr_init(&roomy);
    pthread_attr_setstacksize(&roomy, STACK); /* systems give as little as a tenth of it */
    for (int i = 1; i < smaller(threads, MOST); i++)
        if (pthread_create(&pool->threads[pool->count], &roomy, serve, pool) == 0) pool->count++;
    pthread_attr_destroy(&roomy);
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
    uint64_t number = atomic_load(&pool->number) + 1, whole = (uint64_t)tasks, threads = (uint64_t)pool->count + 1;
    for (uint64_t i = 0; i < threads; i++)
        atomic_store(&pool->shares[i].left, number << (2 * FIELD) | whole * (i + 1) / threads << FIELD | whole * i / threads);
    pthread_mutex_lock(&pool->lock);
    atomic_store(&pool->number, number);
    if (pool->sleeping) pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    work_on(pool, 0);
    for (int look = 0; atomic_load(&pool->done) < tasks; look++) {
        rest();
        if (look % 256 == 255) sched_yield();
    }
}
