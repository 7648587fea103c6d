/* The threads of batch.h: a coordinator starts workers, and all do the same work together.

   A step of training takes microseconds, and so nobody sleeps between two of them. At a barrier
   each thread writes into a line of the cache of its own how far it has come, and looks at those
   of the others; after a while it lets somebody else have the processor. Workers take part from
   the epoch on at which all of them are there: the coordinator does not wait for them to begin.

   Where others want the processors too, a worker may be put aside in the middle of its work, for
   longer than a hundred steps take; and where processors are far from each other, it may be
   quicker to work alone. If waiting is a quarter of all the time, or all the time is what it was
   alone, there are no workers for a while, and for twice as long if it happens again. Pieces
   that are long themselves do not suffer from it. */

#if !defined(WORTH) /* a sanitizer's build may have threads for everything */
#define WORTH 4e6      /* from so many operations on numbers it pays to begin threads, */
#define WORTH_EACH 4e4 /* if one batch has so many */
#endif
#define LONG_PIECE 2e6          /* operations */
#define EAGER 100               /* looks at what others do, after which there are pauses between them, */
#define PATIENCE 2000           /* and after which others may have the processor */
#define MUCH_WAITING 2000000    /* nanoseconds beyond that */
#define ENOUGH 5000000          /* nanoseconds from which times are compared */
#define ALONE_FOR 20000000LL  /* nanoseconds, times 2 */
#define AT_MOST 6               /* to the power of this */
#define LEAVE 2 /* what the coordinator reports when it goes on alone; others report 0 or 1 */

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

typedef struct Team Team;
typedef void (*Work)(void *what, Team *team, int worker);

#if THREADS
typedef struct {
    Team *team;
    int index; /* from 1 on; 0 is the coordinator */
    pthread_t thread;
} Thread;

/* The epoch to which a thread has come and its report, for epochs that are even and those that
   are odd: who is quick may be one ahead. */
typedef struct {
    _Alignas(64) atomic_llong at[2];
} Arrival;

struct Team {
    int workers, together;   /* how many there are, and whether they take part */
    int mixed;               /* whether they have gone early */
    int brief;               /* whether pieces are not long */
    long long began, waited; /* nanoseconds */
    Thread threads[PARTS];
    Work work;
    void *what;
    _Alignas(64) atomic_int ready, taken; /* workers that are there; pieces that are taken */
    _Alignas(64) atomic_llong first;      /* the epoch at which they begin, if it is known, or NEVER */
    Arrival arrivals[PARTS];
};
#define NOT_YET -1
#define NEVER -2

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

static void wait_a_moment(int *looks) {
    if (*looks == PATIENCE) {
        sched_yield();
        return;
    }
    if (++*looks < EAGER) return;
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* A piece that nobody has taken. */
static int next_piece(Team *t) {
    return atomic_fetch_add_explicit(&t->taken, 1, memory_order_relaxed);
}

static void *start(void *given) {
    Thread *thread = given;
    Team *t = thread->team;
    atomic_fetch_add_explicit(&t->ready, 1, memory_order_release);
    t->work(t->what, t, thread->index);
    return NULL;
}

/* How many workers are worth it for so many batches like the one that m is prepared for. */
static int workers_for(Team *t, int threads, Machine *m, double batches) {
    Batch *b = &m->batch;
    double each = m->work * (double)b->n;
    t->workers = t->together = t->mixed = 0;
    t->waited = 0, t->began = nanoseconds();
    t->brief = each / b->parts <= LONG_PIECE;
    atomic_init(&t->taken, 0);
    if (b->parts < 2 || PyTuple_GET_SIZE(m->functions) || each < WORTH_EACH ||
        each * batches < WORTH || t->began < nobody_until)
        return 0;
    return (threads < b->parts ? threads : b->parts) - 1;
}

/* Workers begin with the work, if there are to be any. */
static void begin(Team *t, int workers, Work work, void *what) {
    t->work = work, t->what = what;
    atomic_init(&t->ready, 0);
    atomic_init(&t->first, NOT_YET);
    for (int i = 0; i < PARTS; i++)
        for (int odd = 0; odd < 2; odd++) atomic_init(&t->arrivals[i].at[odd], 0);
    pthread_attr_t attributes;
    if (!workers || pthread_attr_init(&attributes)) return;
    sigset_t all, before; /* signals are for those who wait for them */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
#if defined(__GLIBC__)
    /* They would begin on this processor, and wait for milliseconds until they are moved. They
       stay off it, which is as it should be: a team lasts for one chunk of a fit. */
    cpu_set_t others;
    int here = sched_getcpu();
    if (here >= 0 && !sched_getaffinity(0, sizeof others, &others)) {
        CPU_CLR(here, &others);
        if (CPU_COUNT(&others)) pthread_attr_setaffinity_np(&attributes, sizeof others, &others);
    }
#endif
    while (t->workers < workers) {
        Thread *next = &t->threads[t->workers];
        next->team = t, next->index = t->workers + 1;
        if (pthread_create(&next->thread, &attributes, start, next)) break;
        t->workers++;
    }
    pthread_attr_destroy(&attributes);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* Threads that take part in an epoch, of which this is one. */
static int threads_at(Team *t, int worker, long long epoch) {
    if (!worker && t->workers && !t->together &&
        atomic_load_explicit(&t->ready, memory_order_acquire) == t->workers) {
        t->together = 1;
        atomic_store_explicit(&t->first, epoch, memory_order_release);
    }
    return worker || t->together ? t->workers + 1 : 1;
}

/* The epoch at which a worker begins, or a number below 0. */
static long long first_epoch(Team *t) {
    long long first;
    int looks = 0;
    while ((first = atomic_load_explicit(&t->first, memory_order_acquire)) == NOT_YET)
        wait_a_moment(&looks);
    return first;
}

/* An epoch is written as the number of those up to it. */
static void announce(Team *t, int worker, long long epoch, int report) {
    atomic_store_explicit(&t->arrivals[worker].at[epoch & 1], (epoch + 1) * 256 + report,
                          memory_order_release);
}

/* The coordinator goes on alone: to the epoch after the last one it does not come. */
static void send_away(Team *t) {
    long long even = t->arrivals[0].at[0] / 256, odd = t->arrivals[0].at[1] / 256;
    if (t->together) announce(t, 0, even > odd ? even : odd, LEAVE);
    else atomic_store_explicit(&t->first, NEVER, memory_order_release);
    for (int i = 0; i < t->workers; i++) pthread_join(t->threads[i].thread, NULL);
    t->workers = t->together = 0;
}

static void nobody_for_a_while(void) {
    int before = how_often;
    nobody_until = nanoseconds() + (ALONE_FOR << before);
    how_often = before < AT_MOST ? before + 1 : before;
}

/* So many epochs are done, or 0 if their time says nothing. */
static void end(Team *t, Machine *m, Py_ssize_t epochs) {
    int had = t->workers;
    if (had) send_away(t);
    if (t->mixed || !t->brief || epochs < 1) return;
    double time = (double)(nanoseconds() - t->began), each = time / (double)epochs;
    if (!had) {
        m->alone = each, m->alone_n = m->batch.n;
    } else if (time > ENOUGH) {
        if (m->alone_n == m->batch.n && each > 0.95 * m->alone) nobody_for_a_while();
        else if (t->waited < MUCH_WAITING && time > ALONE_FOR) how_often = 0;
    }
}

/* What somebody has reported, this thread last of all; everybody has arrived then. */
static int meet(Team *t, int worker, int threads, long long epoch, int report) {
    if (threads == 1) return report;
    announce(t, worker, epoch, report);
    long long since = 0, said;
    int looks = 0;
    for (int i = 0; i < threads; i++) {
        if (i == worker) continue;
        while ((said = atomic_load_explicit(&t->arrivals[i].at[epoch & 1], memory_order_acquire)) / 256 !=
               epoch + 1) {
            if (looks == PATIENCE && !since) since = nanoseconds();
            wait_a_moment(&looks);
        }
        report |= said & 255;
    }
    if (worker || !since || !t->brief) return report;
    long long now = nanoseconds();
    t->waited += now - since;
    if (t->waited > MUCH_WAITING && t->waited > (now - t->began) / 4) {
        nobody_for_a_while();
        send_away(t);
        t->mixed = 1;
    }
    return report;
}
#else
struct Team {
    int workers, taken;
};
static int processors(void) { return 1; }
static int workers_for(Team *t, int threads, Machine *m, double batches) { return t->taken = 0; }
static void begin(Team *t, int workers, Work work, void *what) { t->workers = 0; }
static void end(Team *t, Machine *m, Py_ssize_t epochs) {}
static int next_piece(Team *t) { return t->taken++; }
static int threads_at(Team *t, int worker, long long epoch) { return 1; }
static long long first_epoch(Team *t) { return 0; }
static int meet(Team *t, int worker, int threads, long long epoch, int report) { return report; }
#endif
