/* The threads of machine.c: they share out the parts of a batch, again and again in `fit`.

   A step of training takes microseconds, and so nobody sleeps between two of them: who has
   nothing to do looks at `ticket`, and after a while lets others have the processor. The
   ticket counts the batches, and in its last digits how many parts of this one are taken;
   who makes it one larger has the next part. Results do not depend on who that is.

   Where others want the processors too, a helper may be put aside in the middle of its part,
   for longer than a hundred steps take. After a few such times it is sent away for a while. */

#if !defined(WORTH) /* a test may set them to 0 */
#define WORTH 4e6      /* operations on numbers from which it pays to begin threads, */
#define WORTH_EACH 4e4 /* those of one batch, */
#endif
#define SHORT 2e6      /* and of one part, up to which these rules hold: */
#define PATIENCE 2000  /* looks at what others do before they may have the processor */
#define LATE 200000    /* nanoseconds more than that, which are too long */
#define TIMES 4        /* as often as this, */
#define AWAY 2000000000LL /* and then nobody helps for so many nanoseconds */

#if defined(_WIN32) || defined(__STDC_NO_ATOMICS__)
#define THREADS 0
#else
#define THREADS 1
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>
#endif

#if THREADS
typedef struct {
    Machine *m;
    int helpers, late;
    pthread_t threads[PARTS];
    _Alignas(64) atomic_ullong ticket; /* batches * 256 + parts taken */
    _Alignas(64) atomic_int done, stop;
} Team;

/* How many threads may run at once: MICROGRAD_THREADS, or as many as there are processors. */
static int processors(void) {
    const char *wanted = getenv("MICROGRAD_THREADS");
    int n = wanted ? atoi(wanted) : 0;
    if (n < 1) {
#if defined(CPU_COUNT)
        cpu_set_t mine;
        n = sched_getaffinity(0, sizeof mine, &mine) ? 1 : CPU_COUNT(&mine);
#else
        n = (int)sysconf(_SC_NPROCESSORS_ONLN);
#endif
    }
    return n < 1 ? 1 : n > PARTS ? PARTS : n;
}

static atomic_llong nobody_until; /* nanoseconds */

static long long nanoseconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void wait_a_moment(int *turns) {
    if (*turns == PATIENCE) {
        sched_yield();
        return;
    }
    ++*turns;
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Whether there was a part to do, which is done now. */
static int do_one(Team *t) {
    unsigned long long now = atomic_load_explicit(&t->ticket, memory_order_acquire);
    do {
        if ((int)(now & 255) >= t->m->batch.parts) return 0;
    } while (!atomic_compare_exchange_weak_explicit(&t->ticket, &now, now + 1, memory_order_acquire,
                                                    memory_order_acquire));
    run_part(t->m, &t->m->parts[now & 255]);
    atomic_fetch_add_explicit(&t->done, 1, memory_order_release);
    return 1;
}

static void *help(void *given) {
    Team *t = given;
    int turns = 0;
    while (!atomic_load_explicit(&t->stop, memory_order_acquire))
        if (do_one(t)) turns = 0;
        else wait_a_moment(&turns);
    return NULL;
}

/* Helpers for so many batches like the one that is prepared, if they are worth it. */
static void begin(Team *t, Machine *m, double batches) {
    Batch *b = &m->batch;
    double each = m->work * (double)b->n;
    t->m = m, t->helpers = t->late = 0;
    if (b->parts < 2 || PyTuple_GET_SIZE(m->functions) || each < WORTH_EACH ||
        each * batches < WORTH || nanoseconds() < nobody_until)
        return;
    int helpers = processors() - 1;
    if (helpers > b->parts - 1) helpers = b->parts - 1;
    atomic_init(&t->ticket, 255); /* there is nothing to do yet */
    atomic_init(&t->stop, 0);
    sigset_t all, before; /* signals are for those who wait for them */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes)) helpers = 0;
#if defined(CPU_COUNT)
    /* They would begin on this processor, and wait for milliseconds until they are moved. */
    cpu_set_t others;
    int here = sched_getcpu();
    if (helpers && here >= 0 && !sched_getaffinity(0, sizeof others, &others)) {
        CPU_CLR(here, &others);
        if (CPU_COUNT(&others)) pthread_attr_setaffinity_np(&attributes, sizeof others, &others);
    }
#endif
    while (t->helpers < helpers && !pthread_create(&t->threads[t->helpers], &attributes, help, t))
        t->helpers++;
    if (helpers) pthread_attr_destroy(&attributes);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void end(Team *t) {
    if (t->helpers) atomic_store_explicit(&t->stop, 1, memory_order_release);
    for (int i = 0; i < t->helpers; i++) pthread_join(t->threads[i], NULL);
    t->helpers = 0;
}

/* Nothing; all parts are done then. */
static void wait_for_all(Team *t) {
    Batch *b = &t->m->batch;
    long long since = 0;
    int turns = 0;
    while (atomic_load_explicit(&t->done, memory_order_acquire) < b->parts) {
        if (turns == PATIENCE && !since) since = nanoseconds();
        wait_a_moment(&turns);
    }
    if (!since || t->m->work * (double)b->n / b->parts > SHORT) return;
    long long now = nanoseconds();
    if (now - since > LATE && ++t->late == TIMES) {
        nobody_until = now + AWAY;
        end(t);
    }
}
#else
typedef struct {
    int helpers;
} Team;
static void begin(Team *t, Machine *m, double batches) { t->helpers = 0; }
static void end(Team *t) {}
#endif

/* All parts of the batch; each has its state. */
static void run_parts(Machine *m, Team *t) {
    int parts = m->batch.parts;
#if THREADS
    if (t->helpers) {
        unsigned long long batches = atomic_load_explicit(&t->ticket, memory_order_relaxed) >> 8;
        atomic_store_explicit(&t->done, 0, memory_order_relaxed);
        atomic_store_explicit(&t->ticket, (batches + 1) << 8, memory_order_release);
        while (do_one(t)) {}
        wait_for_all(t);
        return;
    }
#endif
    for (int i = 0; i < parts; i++) m->parts[i].state = 0;
    for (int i = 0; i < parts; i++) {
        run_part(m, &m->parts[i]);
        if (m->parts[i].state < 0) return; /* an error of Python's is set */
    }
}
