/* The kernels of vm.h: what one instruction does to a block of n examples.

   dst[i] for i < n. A step of 0 instead of 1 repeats a scalar. None of them reorders what happens
   within an example; sums over the examples are made in eight lanes, which are added at the end, or
   where there are many at once from the first example to the last. Each is compiled for
   AVX-512, for AVX2 and plainly, and the processor takes its own: here are the loops that a compiler
   makes vectors of by itself, in vectors.h those written as vectors. */

#define BINARY(name, sign)                                                                     \
    CLONES static void name(num *dst, const num *a, int sa, const num *b, int sb, Py_ssize_t n) { \
        if (sa && sb)                                                                          \
            for (Py_ssize_t i = 0; i < n; i++) dst[i] = a[i] sign b[i];                        \
        else if (sa) {                                                                         \
            num c = *b;                                                                     \
            for (Py_ssize_t i = 0; i < n; i++) dst[i] = a[i] sign c;                           \
        } else if (sb) {                                                                       \
            num c = *a;                                                                     \
            for (Py_ssize_t i = 0; i < n; i++) dst[i] = c sign b[i];                           \
        } else {                                                                               \
            num c = *a sign *b;                                                             \
            for (Py_ssize_t i = 0; i < n; i++) dst[i] = c;                                     \
        }                                                                                      \
    }
BINARY(k_add, +)
BINARY(k_sub, -)
BINARY(k_mul, *)
BINARY(k_div, /)

static void k_fill(num *restrict dst, num x, Py_ssize_t n) {
    for (Py_ssize_t i = 0; i < n; i++) dst[i] = x;
}

CLONES static void k_neg(num *restrict dst, const num *a, int sa, Py_ssize_t n) {
    for (Py_ssize_t i = 0; i < n; i++) dst[i] = -a[sa ? i : 0];
}

CLONES static void k_relu(num *restrict dst, const num *a, int sa, Py_ssize_t n) {
    if (!sa) {
        num c = mg_relu(*a);
        for (Py_ssize_t i = 0; i < n; i++) dst[i] = c;
        return;
    }
    for (Py_ssize_t i = 0; i < n; i++) dst[i] = a[i] <= 0.0 ? 0.0 : a[i];
}

CLONES static void k_gate(num *restrict dst, const num *d, int sd, const num *x, int sx,
                          Py_ssize_t n) {
    if (sd && sx)
        for (Py_ssize_t i = 0; i < n; i++) {
            num kept = x[i] > 0.0 ? d[i] : 0.0;
            dst[i] = x[i] != x[i] ? x[i] : kept;
        }
    else
        for (Py_ssize_t i = 0; i < n; i++) dst[i] = mg_gate(d[sd ? i : 0], x[sx ? i : 0]);
}

static const num NOTHING = -0.0; /* a sum without a start begins here, and no bit is changed */
static const num ONES[8] = {1, 1, 1, 1, 1, 1, 1, 1}; /* times a number: a vector of that number */

/* The means of n numbers each, from their sums; whether one of them is nan. There is no -0.0 among
   gradients: they were added to 0. Where n is a power of two a product is exact, and quicker. */
CLONES static int k_mean(num *restrict g, const num *restrict sums, Py_ssize_t n, Py_ssize_t many) {
    const num by = (num)n, part = (num)1.0 / by;
    whole other = 0;
    if (n & (n - 1))
        for (Py_ssize_t i = 0; i < many; i++) g[i] = sums[i] / by + (num)0.0;
    else
        for (Py_ssize_t i = 0; i < many; i++) g[i] = sums[i] * part + (num)0.0;
    for (Py_ssize_t i = 0; i < many; i++) other |= g[i] != g[i] ? 1 : 0;
    return other != 0;
}

/* Many sums of scalars times the same columns: y[o] = start[o] + w[o, 0] * x[0] + w[o, 1] * x[1]
   + ..., from left to right, and what is done to each sum at once. */
enum { PLAINLY, WITH_RELU, WITH_GATE };

typedef struct {
    int sums, k, then;
    num *const *y;
    const num *start; /* for each sum its number */
    const num *w;     /* w[o, i] is w[o * per_sum + i * per_column] */
    Py_ssize_t per_sum, per_column;
    const num *const *x, *const *gate;
} Layer;

/* Sums over n examples of products: to[j * per_d + i * per_x] += the sum of d[j] * x[i] for all m
   columns d and k columns x, or = if these are the first. Columns can be read up to lane `room`. */
typedef struct {
    num *to;
    Py_ssize_t per_d, per_x;
    const num *const *d, *const *x;
    int m, k, first;
    Py_ssize_t n, room;
} Outer;

/* The same of one example: a[j] += w[j, 0] * x[0] + w[j, 1] * x[1] + ..., from left to right. */
typedef struct {
    num *a;
    const num *w, *x; /* w[j, i] is w[j * per_sum + i * per_x] */
    Py_ssize_t per_sum, per_x;
    int sums, k;
} Sums;

typedef void (*Fast)(num *restrict, const num *const *, Py_ssize_t);
typedef struct { const char *name; Fast call; } Named;

/* The kernels of vectors.h, as they are for this processor; chosen when the module is made. */
typedef struct {
    void (*layer)(const Layer *, Py_ssize_t);
    void (*scaled)(num *restrict, const num *, int, int, const num *, const num *const *, Py_ssize_t);
    void (*outer)(const Outer *);
    void (*sums)(const Sums *);
    void (*totals)(num *, const num *const *, int, Py_ssize_t);
    void (*log1p_of)(num *, Py_ssize_t);
    int (*exps)(double *restrict, const double *restrict, Py_ssize_t); /* NULL: the library's own */
    const Named *fast;
} Kernels;
static Kernels kernels;

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define CHOICE 1
#include <immintrin.h>
#else
#define CHOICE 0
#endif
#define JOINED(a, b) a##_##b
#define JOIN(a, b) JOINED(a, b)
#define NAME(x) JOIN(x, SUFFIX)
#if defined(__GNUC__) || defined(__clang__)
#define INLINE static inline __attribute__((always_inline))
#else
#define INLINE static inline
#endif

#if defined(__has_builtin)
#define SHUFFLES __has_builtin(__builtin_shufflevector)
#else
#define SHUFFLES 0
#endif
#if defined(MG_SINGLE) /* eight numbers are enough */
#define LANES_64 8
#define LANES_32 8
#define LANES_16 4
#else
#define LANES_64 8
#define LANES_32 4
#define LANES_16 2
#endif

#define LANES 64 /* numbers that functions of the table take at once */
/* Where exponential.h may be what the library does. */
#if defined(__x86_64__) && defined(__GLIBC__)
#define AS_GLIBC 1
#else
#define AS_GLIBC 0
#endif

#if !defined(__GNUC__) && !defined(__clang__)
#define W 1
#elif defined(__AVX512F__)
#define W LANES_64
#elif defined(__AVX__)
#define W LANES_32
#else
#define W LANES_16
#endif
#define SUFFIX plain
#if defined(__AVX512F__) || defined(__aarch64__)
#define MANY 1 /* 32 registers, not 16 */
#else
#define MANY 0
#endif
#if defined(__FMA__)
#define FUSED 1
#else
#define FUSED 0
#endif
#include "vectors.h"
#undef MANY
#undef FUSED

#if CHOICE
#define FUSED 1
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif
#define W LANES_32
#define SUFFIX avx2
#define MANY 0
#include "vectors.h"
#undef MANY
#if defined(__clang__)
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx512f,fma"))), apply_to = function)
#else
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx512f,fma")
#endif
#define W LANES_64
#define SUFFIX avx512
#define MANY 1
#if !defined(MG_SINGLE)
#define ZMM 1
#endif
#include "vectors.h"
#undef ZMM
#undef MANY
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#undef FUSED
#endif

/* Whether a function is the library's exp. The first four numbers come out otherwise where the
   library was compiled to fuse other operations (what they miss changes less than one bit in 10^8
   numbers, and no compiler does so); the next four where it rounds better than glibc, whose
   results for them are not the nearest; the others where something else is wrong. */
static int is_exp(int (*exps)(double *restrict, const double *restrict, Py_ssize_t)) {
    static const double telling[] = {
        -0x1.c551793b1ap-1,    0x1.b5078007da3d8p+1, -0x1.8f7c60623438p+1, -0x1.dcd03b37bb0ap+3,
        0x1.a0038b4ef9048p+2, 0x1.1c6bc05e5e590p+1, 0x1.2d3b44da21744p+4, -0x1.111750ff3724dp+3};
    double x[LANES], y[LANES];
    for (int block = 0; block < 16; block++) {
        for (int i = 0; i < LANES; i++) {
            double at = (block * LANES + i) * 0.6180339887498949;
            x[i] = (at - floor(at) - 0.5) * (i % 2 ? 4.0 : 1000.0);
        }
        if (!block) memcpy(x, telling, sizeof telling);
        exps(y, x, LANES);
        for (int i = 0; i < LANES; i++) {
            double e = exp(x[i]);
            if (memcmp(&e, &y[i], sizeof e)) return 0;
        }
    }
    return 1;
}

/* The widest that this processor has, or those with a name; whether there are such. */
static int choose_kernels(const char *name) {
    const Kernels *found = name && strcmp(name, "plain") ? NULL : &kernels_plain;
#if CHOICE
    __builtin_cpu_init();
    if (__builtin_cpu_supports("fma")) {
        if (__builtin_cpu_supports("avx2") && (!name || !strcmp(name, "avx2"))) found = &kernels_avx2;
        if (__builtin_cpu_supports("avx512f") && (!name || !strcmp(name, "avx512")))
            found = &kernels_avx512;
    }
#endif
    if (!found) return 0;
    kernels = *found;
    if (kernels.exps && !is_exp(kernels.exps)) kernels.exps = NULL;
    return 1;
}

/* Functions of the table ------------------------------------------------------------------- */

/* Operand k for the lanes from `from` on; a scalar is repeated in `room`. */
static inline const num *unit(const num *const *p, const int *step, int k, Py_ssize_t from,
                              num *room, Py_ssize_t c) {
    if (step[k]) return p[k] + from;
    for (Py_ssize_t l = 0; l < c; l++) room[l] = *p[k];
    return room;
}

/* Those that need no library: the compiler makes vectors of them. */
#define KERNEL(name, call)                                                                     \
    CLONES static void c_##name(num *restrict dst, const num *const *p, const int *step, int m, \
                                Py_ssize_t n) {                                                \
        num room[3][LANES];                                                                    \
        for (Py_ssize_t from = 0; from < n; from += LANES, dst += LANES) {                     \
            Py_ssize_t c = n - from < LANES ? n - from : LANES;                                \
            const num *a = unit(p, step, 0, from, room[0], c), *b = a, *d = a;                 \
            if (m > 1) b = unit(p, step, 1, from, room[1], c);                                 \
            if (m > 2) d = unit(p, step, 2, from, room[2], c);                                 \
            (void)b, (void)d;                                                                  \
            for (Py_ssize_t i = 0; i < c; i++) dst[i] = call;                                  \
        }                                                                                      \
    }
KERNEL(equal, mg_equal(a[i], b[i]))
KERNEL(less, mg_less(a[i], b[i]))
KERNEL(less_equal, mg_less_equal(a[i], b[i]))
KERNEL(greater, mg_greater(a[i], b[i]))
KERNEL(greater_equal, mg_greater_equal(a[i], b[i]))
KERNEL(where, a[i] != (num)0.0 ? b[i] : d[i])
KERNEL(absolute, mg_absolute(a[i]))
KERNEL(leaky_relu, mg_leaky_relu(a[i], b[i]))
KERNEL(leaky_step, mg_leaky_step(a[i], b[i]))

/* y = exp(x), for up to LANES numbers. */
static void exps(double *restrict y, const double *restrict x, Py_ssize_t n) {
    if (kernels.exps && !kernels.exps(y, x, n)) return;
    for (Py_ssize_t i = 0; i < n; i++)
        if (!kernels.exps || !(fabs(x[i]) < 512.0)) y[i] = mg_exp(x[i]);
}

/* Functions of one number that need one exponential: of `of`, and what it gives is e[i]. They are
   those of tails.py without its branches, and tests hold them to its bits. */
#define KERNEL_OF_EXP(name, of, call)                                                          \
    CLONES static void c_##name(num *restrict dst, const num *const *p, const int *step, int m, \
                                Py_ssize_t n) {                                                \
        num room[LANES];                                                                       \
        double at[LANES], e[LANES];                                                            \
        for (Py_ssize_t from = 0; from < n; from += LANES, dst += LANES) {                     \
            Py_ssize_t c = n - from < LANES ? n - from : LANES;                                \
            const num *a = unit(p, step, 0, from, room, c);                                    \
            for (Py_ssize_t i = 0; i < c; i++) at[i] = of;                                     \
            exps(e, at, c);                                                                    \
            for (Py_ssize_t i = 0; i < c; i++) dst[i] = call;                                  \
        }                                                                                      \
    }
#define SIGMOID ((a[i] > (num)0.0 ? 1.0 : e[i]) / (1.0 + e[i]))
KERNEL_OF_EXP(exp, a[i], e[i])
KERNEL_OF_EXP(sigmoid, a[i] > (num)0.0 ? -a[i] : a[i], SIGMOID)
#define FAR ((num)-700.0)
KERNEL_OF_EXP(silu, a[i] > (num)0.0 ? -a[i] : a[i] < FAR ? 0.5 * a[i] : a[i],
              a[i] == (num)-INFINITY ? -0.0 : a[i] < FAR ? e[i] * a[i] * e[i] : a[i] * SIGMOID)
KERNEL_OF_EXP(dsigmoid, -mg_absolute(a[i]), mg_bell(e[i]))
KERNEL_OF_EXP(sech2, -2.0 * mg_absolute(a[i]), 4.0 * mg_bell(e[i]))

/* mg_exp_gap, with all but the exponential itself as vectors. */
CLONES static void c_exp_gap(num *restrict dst, const num *const *p, const int *step, int m,
                             Py_ssize_t n) {
    num room[2][LANES];
    double gap[LANES], e[LANES];
    for (Py_ssize_t from = 0; from < n; from += LANES, dst += LANES) {
        Py_ssize_t c = n - from < LANES ? n - from : LANES;
        const num *x = unit(p, step, 0, from, room[0], c), *top = unit(p, step, 1, from, room[1], c);
        for (Py_ssize_t i = 0; i < c; i++) gap[i] = (double)x[i] - (double)top[i];
        exps(e, gap, c);
        for (Py_ssize_t i = 0; i < c; i++) {
            double g = gap[i], back = g - x[i];
            double lost = (x[i] - (g - back)) - (top[i] + back), whole = e[i] * (1.0 + lost);
            double found = (g - g != 0.0) | (g > 710.0) ? e[i] : whole;
            dst[i] = x[i] == top[i] ? 1.0 : found;
        }
    }
}

/* The first nan, or else the largest; of zeros the positive one. */
CLONES static void c_maximum(num *restrict dst, const num *const *p, const int *step, int m,
                             Py_ssize_t n) {
    num room[LANES];
    for (Py_ssize_t from = 0; from < n; from += LANES, dst += LANES) {
        Py_ssize_t c = n - from < LANES ? n - from : LANES;
        for (Py_ssize_t i = 0; i < c; i++) dst[i] = -INFINITY;
        for (int k = 0; k < m; k++) {
            const num *x = unit(p, step, k, from, room, c);
            for (Py_ssize_t i = 0; i < c; i++) {
                num top = dst[i], y = x[i];
                num zero = (y == top) & (top == (num)0.0) ? y + top : top;
                num more = y > top ? y : zero;
                num found = y != y ? y : more;
                dst[i] = top != top ? top : found;
            }
        }
    }
}

typedef void (*Kernel)(num *restrict, const num *const *, const int *, int, Py_ssize_t);
static const struct { const char *name; Kernel call; } kernel_table[] = {
    {"equal", c_equal}, {"less", c_less}, {"less_equal", c_less_equal}, {"greater", c_greater},
    {"greater_equal", c_greater_equal}, {"where", c_where}, {"abs", c_absolute},
    {"leaky_relu", c_leaky_relu}, {"leaky_step", c_leaky_step}, {"exp_gap", c_exp_gap},
    {"maximum", c_maximum}, {"exp", c_exp}, {"sigmoid", c_sigmoid}, {"silu", c_silu},
    {"dsigmoid", c_dsigmoid}, {"sech2", c_sech2},
};
static Kernel kernel_of[MG_TABLE]; /* filled when the module is made, as this: */
static Fast fast_of[MG_TABLE];

static int in_table(const char *name) {
    int f = 0;
    while (f < MG_TABLE && strcmp(name, mg_table[f].name)) f++;
    return f;
}

static int find_kernels(void) { /* whether the table has a function of each name */
    int missing = 0;
    for (size_t k = 0; k < sizeof kernel_table / sizeof *kernel_table; k++) {
        int f = in_table(kernel_table[k].name);
        if (f < MG_TABLE) kernel_of[f] = kernel_table[k].call;
        else missing = 1;
    }
    for (const Named *n = kernels.fast; n && n->name; n++) {
        int f = in_table(n->name);
        if (f < MG_TABLE) fast_of[f] = n->call;
        else missing = 1;
    }
    return !missing;
}

/* Whether a function of the table was done here, by a kernel. */
static int call_kernel(int32_t f, const num **p, const int *step, int m, num *dst, Py_ssize_t n) {
    int columns = n % 8 == 0; /* whole vectors, and no scalar */
    for (int k = 0; k < m; k++) columns &= step[k];
    if (fast_of[f] && columns) fast_of[f](dst, p, n);
    else if (kernel_of[f]) kernel_of[f](dst, p, step, m, n);
    else return 0;
    return 1;
}

/* What k_logsumexp finds out on its way through the x, for some lanes. */
typedef struct {
    num top[LANES], index[LANES];
    num rest[LANES];  /* the sum of the e, but for the first x that equals top */
    num seen[LANES];  /* how many x have equalled top */
    num right[LANES]; /* the x of that index */
    num found[LANES]; /* 1 where there is one */
} Logsumexp;

CLONES static void logsumexp_over(Logsumexp *s, num k, const num *x, const num *e, Py_ssize_t n) {
    for (Py_ssize_t l = 0; l < n; l++) {
        num equal = x[l] == s->top[l] ? (num)1.0 : (num)0.0;
        num first = s->seen[l] == (num)0.0 ? equal : (num)0.0;
        s->rest[l] += first != (num)0.0 ? (num)0.0 : e[l];
        s->seen[l] += equal;
        s->right[l] = s->index[l] == k ? x[l] : s->right[l];
        s->found[l] = s->index[l] == k ? (num)1.0 : s->found[l];
    }
}

/* log(exp(x1) + ... + exp(xm)), less x[index] where there is an index: logsumexp and nll of
   tails.py, from exponentials e[k] = exp(x[k] - top) that are there already. p and step hold
   index (or NULL), top, the x and the e; row has room for m numbers. */
CLONES static void k_logsumexp(num *restrict dst, const num *const *p, const int *step, int m,
                              Py_ssize_t n, double *row) {
    num rooms[2][LANES];
    Logsumexp s;
    for (Py_ssize_t from = 0; from < n; from += LANES, dst += LANES) {
        Py_ssize_t c = n - from < LANES ? n - from : LANES;
        for (Py_ssize_t l = 0; l < c; l++) {
            s.top[l] = p[1][step[1] ? from + l : 0];
            s.index[l] = p[0] ? p[0][step[0] ? from + l : 0] : (num)-1.0;
            s.rest[l] = s.seen[l] = s.right[l] = s.found[l] = 0.0;
        }
        for (int k = 0; k < m; k++)
            logsumexp_over(&s, (num)k, unit(p, step, 2 + k, from, rooms[0], c),
                        unit(p, step, 2 + m + k, from, rooms[1], c), c);
        kernels.log1p_of(s.rest, c);
        int refused = 0;
        for (Py_ssize_t l = 0; l < c; l++) {
            double t = s.top[l], less = p[0] ? t - s.right[l] : t;
            dst[l] = t - t != 0.0 ? less : less + s.rest[l];
            if (!p[0] && t - t == 0.0 && !(fabs((double)dst[l]) >= 0.5 * -t)) {
                for (int k = 0; k < m; k++) row[k] = p[2 + k][step[2 + k] ? from + l : 0];
                dst[l] = (num)py_log1p(mg_exps_less_one(m, row));
            }
            refused |= p[0] && s.found[l] == (num)0.0;
        }
        if (refused) py_refuse();
    }
}
