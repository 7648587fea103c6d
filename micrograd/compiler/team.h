/* The threads of machine.c: they share the pieces of a work, again and again in `fit`.

   A step of training takes microseconds, and so nobody sleeps between two of them: who has
   nothing to do looks at `ticket`, and after a while lets others have the processor. The
   ticket counts the works; below that it says how many pieces this one has, and how many of
   them are taken: who makes it one larger has the next. Results do not depend on who that is.

   Where others want the processors too, a helper may be put aside in the middle of its piece,
   for longer than a hundred steps take; and where processors are far from each other, it may be
   quicker to work alone. If waiting is a quarter of all the time, or all the time is what it was
   alone, there are no helpers for a while, and for twice as long if it happens again. Pieces
   that are long themselves do not suffer from it. */

#if !defined(WORTH) /* a sanitizer's build may have threads for everything */
#define WORTH 4e6      /* from so many operations on numbers it pays to begin threads, */
#define WORTH_EACH 4e4 /* if one batch has so many */
#endif
#define LONG_PIECE 2e6          /* operations */
#define PATIENCE 2000           /* looks at what others do; then they may have the processor */
#define MUCH_WAITING 2000000    /* nanoseconds beyond that */
#define ENOUGH 5000000          /* nanoseconds from which times are compared */
#define NO_HELP_FOR 20000000LL  /* nanoseconds, times 2 */
#define AT_MOST 6               /* to the power of this */

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

typedef void (*Work)(void *what, int piece, int worker);

#if THREADS
typedef struct Team Team;
typedef struct {
    Team *team;
    int worker; /* from 1 on; 0 is who has the team */
    pthread_t thread;
} Helper;

struct Team {
    int helpers;
    int mixed;               /* whether they have gone early */
    int brief;               /* whether pieces are not long */
    long long began, waited; /* nanoseconds */
    Helper them[PARTS];
    Work work;
    void *what;
    _Alignas(64) atomic_ullong ticket; /* works * 65536 + pieces * 256 + pieces taken */
    _Alignas(64) atomic_int done, stop;
};

/* How many threads may run at once: MICROGRAD_THREADS, or as many as there are processors, but
   no more than a batch has parts. To be asked with Python's lock, as others may set variables. */
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
static atomic_int how_often;      /* one after the other there were too long waits */

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

/* Whether there was a piece to do, which is done now. */
static int do_one(Team *t, int worker) {
    unsigned long long now = atomic_load_explicit(&t->ticket, memory_order_acquire);
    do {
        if ((now & 255) == (now >> 8 & 255)) return 0;
    } while (!atomic_compare_exchange_weak_explicit(&t->ticket, &now, now + 1, memory_order_acquire,
                                                    memory_order_acquire));
    t->work(t->what, (int)(now & 255), worker);
    atomic_fetch_add_explicit(&t->done, 1, memory_order_release);
    return 1;
}

static void *help(void *given) {
    Helper *helper = given;
    Team *t = helper->team;
    int turns = 0;
    while (!atomic_load_explicit(&t->stop, memory_order_acquire))
        if (do_one(t, helper->worker)) turns = 0;
        else wait_a_moment(&turns);
    return NULL;
}

/* Helpers for so many batches like the one that m is prepared for, and updates by u, if there
   is one; nobody if it is not worth it. */
static void begin(Team *t, int threads, Machine *m, Machine *u, double batches) {
    Batch *b = &m->batch;
    double each = m->work * (double)b->n;
    t->helpers = t->mixed = 0, t->waited = 0, t->began = nanoseconds();
    t->brief = each / b->parts <= LONG_PIECE;
    if (b->parts < 2 || PyTuple_GET_SIZE(m->functions) || (u && PyTuple_GET_SIZE(u->functions)) ||
        each < WORTH_EACH || each * batches < WORTH || t->began < nobody_until)
        return;
    int most = threads < b->parts ? threads : b->parts, helpers = 0;
    while (helpers + 1 < most && !room_for(m, &m->workers[helpers + 1]) &&
           (!u || !room_for(u, &u->workers[helpers + 1])))
        helpers++;
    atomic_init(&t->ticket, 0); /* there is nothing to do yet */
    atomic_init(&t->stop, 0);
    sigset_t all, before; /* signals are for those who wait for them */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes)) helpers = 0;
#if defined(__GLIBC__)
    /* They would begin on this processor, and wait for milliseconds until they are moved. They
       stay off it, which is as it should be: a team lasts for one chunk of a fit. */
    cpu_set_t others;
    int here = sched_getcpu();
    if (helpers && here >= 0 && !sched_getaffinity(0, sizeof others, &others)) {
        CPU_CLR(here, &others);
        if (CPU_COUNT(&others)) pthread_attr_setaffinity_np(&attributes, sizeof others, &others);
    }
#endif
    while (t->helpers < helpers) {
        Helper *next = &t->them[t->helpers];
        next->team = t, next->worker = t->helpers + 1;
        if (pthread_create(&next->thread, &attributes, help, next)) break;
        t->helpers++;
    }
    if (helpers) pthread_attr_destroy(&attributes);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void send_away(Team *t) {
    atomic_store_explicit(&t->stop, 1, memory_order_release);
    for (int i = 0; i < t->helpers; i++) pthread_join(t->them[i].thread, NULL);
    t->helpers = 0;
}

static void nobody_for_a_while(void) {
    int before = how_often;
    nobody_until = nanoseconds() + (NO_HELP_FOR << before);
    how_often = before < AT_MOST ? before + 1 : before;
}

/* So many batches are done, or 0 if their time says nothing. */
static void end(Team *t, Machine *m, double batches) {
    int helped = t->helpers;
    if (helped) send_away(t);
    if (t->mixed || !t->brief || batches < 1) return;
    double time = (double)(nanoseconds() - t->began), each = time / batches;
    if (!helped) {
        m->alone = each, m->alone_n = m->batch.n;
    } else if (time > ENOUGH) {
        if (m->alone_n == m->batch.n && each > 0.95 * m->alone) nobody_for_a_while();
        else if (t->waited < MUCH_WAITING && time > NO_HELP_FOR) how_often = 0;
    }
}

/* Nothing; all pieces are done then. */
static void wait_for_all(Team *t, int pieces) {
    long long since = 0;
    int turns = 0;
    while (atomic_load_explicit(&t->done, memory_order_acquire) < pieces) {
        if (turns == PATIENCE && !since) since = nanoseconds();
        wait_a_moment(&turns);
    }
    if (!since || !t->brief) return;
    long long now = nanoseconds();
    t->waited += now - since;
    if (t->waited > MUCH_WAITING && t->waited > (now - t->began) / 4) {
        nobody_for_a_while();
        send_away(t);
        t->mixed = 1;
    }
}
#else
typedef struct {
    int helpers;
} Team;
static int processors(void) { return 1; }
static void begin(Team *t, int threads, Machine *m, Machine *u, double batches) { t->helpers = 0; }
static void end(Team *t, Machine *m, double batches) {}
#endif

/* Whether helpers have begun with the pieces, if there are helpers. */
static int post(Team *t, Work work, void *what, int pieces) {
#if THREADS
    if (t->helpers && pieces > 1) {
        unsigned long long works = atomic_load_explicit(&t->ticket, memory_order_relaxed) >> 16;
        t->work = work, t->what = what;
        atomic_store_explicit(&t->done, 0, memory_order_relaxed);
        atomic_store_explicit(&t->ticket, (works + 1) << 16 | pieces << 8, memory_order_release);
        return 1;
    }
#endif
    return 0;
}

/* All pieces, or those that are left of what was posted. */
static void finish(Team *t, int posted, Work work, void *what, int pieces) {
#if THREADS
    if (posted) {
        while (do_one(t, 0)) {}
        wait_for_all(t, pieces);
        return;
    }
#endif
    for (int i = 0; i < pieces; i++) work(what, i, 0);
}
