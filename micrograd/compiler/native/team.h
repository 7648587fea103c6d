/* The threads of machine.c: who has the team begins helpers, and all do the same work together.

   A step of training takes microseconds, and so nobody sleeps between two of them. Where the
   threads have to meet, each says in a seat of its own, which is a line of the cache, how far it
   has come, and looks at the seats of the others; after a while it lets somebody else have the
   processor. Helpers take part from the turn on at which all of them are there: who has the team
   does not wait for them to begin.

   Where others want the processors too, a helper may be put aside in the middle of its work, for
   longer than a hundred steps take; and where processors are far from each other, it may be
   quicker to work alone. If waiting is a quarter of all the time, or all the time is what it was
   alone, there are no helpers for a while, and for twice as long if it happens again. Pieces
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
#define NO_HELP_FOR 20000000LL  /* nanoseconds, times 2 */
#define AT_MOST 6               /* to the power of this */
#define LEAVE 2 /* what who has the team reports when he goes on alone; others report 0 or 1 */

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
    int worker; /* from 1 on; 0 is who has the team */
    pthread_t thread;
} Helper;

/* The turn to which a thread has come and its report, for turns that are even and those that are
   odd: who is quick may be one turn ahead. */
typedef struct {
    _Alignas(64) atomic_llong at[2];
} Seat;

struct Team {
    int helpers, together;   /* how many there are, and whether they take part */
    int mixed;               /* whether they have gone early */
    int brief;               /* whether pieces are not long */
    long long began, waited; /* nanoseconds */
    Helper them[PARTS];
    Work work;
    void *what;
    _Alignas(64) atomic_int ready, taken; /* helpers that are there; pieces that are taken */
    _Alignas(64) atomic_llong first;      /* the turn at which they begin, if it is known, or NEVER */
    Seat seats[PARTS];
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

static void *help(void *given) {
    Helper *helper = given;
    Team *t = helper->team;
    atomic_fetch_add_explicit(&t->ready, 1, memory_order_release);
    t->work(t->what, t, helper->worker);
    return NULL;
}

/* How many helpers are worth it for so many batches like the one that m is prepared for. */
static int helpers_for(Team *t, int threads, Machine *m, double batches) {
    Batch *b = &m->batch;
    double each = m->work * (double)b->n;
    t->helpers = t->together = t->mixed = 0;
    t->waited = 0, t->began = nanoseconds();
    t->brief = each / b->parts <= LONG_PIECE;
    atomic_init(&t->taken, 0);
    if (b->parts < 2 || PyTuple_GET_SIZE(m->functions) || each < WORTH_EACH ||
        each * batches < WORTH || t->began < nobody_until)
        return 0;
    return (threads < b->parts ? threads : b->parts) - 1;
}

/* Helpers begin with the work, if there are to be any. */
static void begin(Team *t, int helpers, Work work, void *what) {
    t->work = work, t->what = what;
    atomic_init(&t->ready, 0);
    atomic_init(&t->first, NOT_YET);
    for (int i = 0; i < PARTS; i++)
        for (int odd = 0; odd < 2; odd++) atomic_init(&t->seats[i].at[odd], 0);
    pthread_attr_t attributes;
    if (!helpers || pthread_attr_init(&attributes)) return;
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
    while (t->helpers < helpers) {
        Helper *next = &t->them[t->helpers];
        next->team = t, next->worker = t->helpers + 1;
        if (pthread_create(&next->thread, &attributes, help, next)) break;
        t->helpers++;
    }
    pthread_attr_destroy(&attributes);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* Threads that take part in a turn, of whom this is one. */
static int threads_at(Team *t, int worker, long long turn) {
    if (!worker && t->helpers && !t->together &&
        atomic_load_explicit(&t->ready, memory_order_acquire) == t->helpers) {
        t->together = 1;
        atomic_store_explicit(&t->first, turn, memory_order_release);
    }
    return worker || t->together ? t->helpers + 1 : 1;
}

/* The turn at which a helper begins, or a number below 0. */
static long long first_turn(Team *t) {
    long long first;
    int looks = 0;
    while ((first = atomic_load_explicit(&t->first, memory_order_acquire)) == NOT_YET)
        wait_a_moment(&looks);
    return first;
}

/* A turn is said as the number of those up to it. */
static void take_seat(Team *t, int worker, long long turn, int report) {
    atomic_store_explicit(&t->seats[worker].at[turn & 1], (turn + 1) * 256 + report,
                          memory_order_release);
}

/* Who has the team goes on alone: to the turn after the last one he does not come. */
static void send_away(Team *t) {
    long long even = t->seats[0].at[0] / 256, odd = t->seats[0].at[1] / 256;
    if (t->together) take_seat(t, 0, even > odd ? even : odd, LEAVE);
    else atomic_store_explicit(&t->first, NEVER, memory_order_release);
    for (int i = 0; i < t->helpers; i++) pthread_join(t->them[i].thread, NULL);
    t->helpers = t->together = 0;
}

static void nobody_for_a_while(void) {
    int before = how_often;
    nobody_until = nanoseconds() + (NO_HELP_FOR << before);
    how_often = before < AT_MOST ? before + 1 : before;
}

/* So many turns are done, or 0 if their time says nothing. */
static void end(Team *t, Machine *m, Py_ssize_t turns) {
    int helped = t->helpers;
    if (helped) send_away(t);
    if (t->mixed || !t->brief || turns < 1) return;
    double time = (double)(nanoseconds() - t->began), each = time / (double)turns;
    if (!helped) {
        m->alone = each, m->alone_n = m->batch.n;
    } else if (time > ENOUGH) {
        if (m->alone_n == m->batch.n && each > 0.95 * m->alone) nobody_for_a_while();
        else if (t->waited < MUCH_WAITING && time > NO_HELP_FOR) how_often = 0;
    }
}

/* Here others need not wait for this thread any more. */
static void arrive(Team *t, int worker, int threads, long long turn, int report) {
    if (threads > 1) take_seat(t, worker, turn, report);
}

/* What somebody has reported, this thread last of all; everybody has arrived then. */
static int meet(Team *t, int worker, int threads, long long turn, int report) {
    if (threads == 1) return report;
    long long since = 0, said;
    int looks = 0;
    for (int i = 0; i < threads; i++) {
        if (i == worker) continue;
        while ((said = atomic_load_explicit(&t->seats[i].at[turn & 1], memory_order_acquire)) / 256 !=
               turn + 1) {
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
    int helpers, taken;
};
static int processors(void) { return 1; }
static int helpers_for(Team *t, int threads, Machine *m, double batches) { return t->taken = 0; }
static void begin(Team *t, int helpers, Work work, void *what) { t->helpers = 0; }
static void end(Team *t, Machine *m, Py_ssize_t turns) {}
static int next_piece(Team *t) { return t->taken++; }
static int threads_at(Team *t, int worker, long long turn) { return 1; }
static long long first_turn(Team *t) { return 0; }
static void arrive(Team *t, int worker, int threads, long long turn, int report) {}
static int meet(Team *t, int worker, int threads, long long turn, int report) { return report; }
#endif
