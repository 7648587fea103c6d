/* The column machine: runs a program over a batch of examples, block by block.

   A column holds one number for each example of a block and stays in the cache; a scalar is
   the same for all examples (a parameter, a constant, a sum over the batch). One instruction
   does one operation on a whole block. Instructions are int32:

       operation, destination, how many operands, operands...

   An operand is an index times 4 plus its kind: a register column, a scalar, or an input
   column. There are three sections: scalars before the batch, columns for each block, and
   scalars after it. `check` looks at every instruction once, before any runs.

   Within an example every operation rounds as in Python: no fused multiply-add, no
   reordering. (Built once more with MG_FAST, it may fuse, and has the functions of fast.h.) Sums over the batch are made in eight lanes, in a fixed order.

   The functions of the table are in functions.h, translated from Python. What encodes a
   program is encode.py, what runs it native.py. */

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wpsabi" /* vectors are passed within this file alone */
#endif
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "functions.h"
#if !defined(_WIN32)
#include <pthread.h>
#include <unistd.h>
#define THREADS 1
#else
#define THREADS 0
#endif

/* What columns hold: float64, or built once more with MG_SINGLE float32, whose functions are
   still those of float64 and rounded afterwards. */
#if defined(MG_SINGLE)
typedef float num;
#else
typedef double num;
#endif

enum { COLUMN, SCALAR, INPUT };
enum { ADD, SUB, MUL, DIV, NEG, RELU, GATE, DOTS, ADDN, TOTAL, OUTER, OUT, CALL, PYCALL,
       SPREAD, LAYER, OPS };
/* How many operands each takes; -1: see `check`. */
static const int ARITY[OPS] = {2, 2, 2, 2, 1, 1, 2, -1, -1, 1, -1, 1, -1, -1, 6, -1};
#define NONE (-1)
#define MOST 4096 /* operands of a function of any number */

#if defined(__GNUC__) || defined(__clang__)
#define VECTORS 1
typedef num v8 __attribute__((vector_size(8 * sizeof(num)), aligned(sizeof(num))));
#define AT(p, i) (*(const v8 *)((p) + (i)))
#define TO(p, i) (*(v8 *)((p) + (i)))
#else
#define VECTORS 0
#endif
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && defined(__linux__)
#define CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define CLONES
#endif

typedef struct {
    const num *columns, *scalars, *inputs; /* where the three kinds of operands begin */
    Py_ssize_t width, stride;                 /* from one register column, one input column to the next */
} Place;

static inline const num *at(const Place *p, int32_t r) {
    switch (r & 3) {
    case COLUMN: return p->columns + (Py_ssize_t)(r >> 2) * p->width;
    case SCALAR: return p->scalars + (r >> 2);
    default: return p->inputs + (Py_ssize_t)(r >> 2) * p->stride;
    }
}

/* Kernels: dst[i] for i < n. A step of 0 instead of 1 repeats a scalar. --------------------- */

#define BINARY(name, sign)                                                                     \
    CLONES static void name(num *restrict dst, const num *a, int sa, const num *b,    \
                            int sb, Py_ssize_t n) {                                            \
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

/* The means of n numbers each, from their sums; whether one of them is nan. There is no -0.0 among
   gradients: they were added to 0. */
CLONES static int k_mean(num *restrict g, const num *sums, num n, Py_ssize_t many) {
    int bad = 0;
    for (Py_ssize_t i = 0; i < many; i++) g[i] = sums[i] / n + (num)0.0;
    for (Py_ssize_t i = 0; i < many; i++) bad |= g[i] != g[i];
    return bad;
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

/* start + s1 * x1 + s2 * x2 + ..., scalars times columns, from left to right. */
CLONES static void k_scaled(num *restrict dst, const num *start, int ss, int m,
                            const num *s, const num *const *x, Py_ssize_t n) {
    Py_ssize_t i = 0;
#if VECTORS
    for (; i + 32 <= n; i += 32) {
        v8 a, b, c, d;
        int k = 0;
        if (start) {
            if (ss) {
                a = AT(start, i), b = AT(start, i + 8), c = AT(start, i + 16), d = AT(start, i + 24);
            } else {
                a = b = c = d = *start - (v8){0};
            }
        } else {
            const num *p = x[0] + i;
            a = s[0] * AT(p, 0), b = s[0] * AT(p, 8), c = s[0] * AT(p, 16), d = s[0] * AT(p, 24);
            k = 1;
        }
        for (; k < m; k++) {
            const num *p = x[k] + i;
            a += s[k] * AT(p, 0), b += s[k] * AT(p, 8);
            c += s[k] * AT(p, 16), d += s[k] * AT(p, 24);
        }
        TO(dst, i) = a, TO(dst, i + 8) = b, TO(dst, i + 16) = c, TO(dst, i + 24) = d;
    }
    for (; i + 8 <= n; i += 8) {
        v8 a;
        int k = 0;
        if (start)
            a = ss ? AT(start, i) : *start - (v8){0};
        else
            a = s[0] * AT(x[0], i), k = 1;
        for (; k < m; k++) a += s[k] * AT(x[k], i);
        TO(dst, i) = a;
    }
#endif
    for (; i < n; i++) {
        int k = start ? 0 : 1;
        num a = start ? start[ss ? i : 0] : s[0] * x[0][i];
        for (; k < m; k++) a += s[k] * x[k][i];
        dst[i] = a;
    }
}

#if VECTORS
static inline __attribute__((always_inline)) num lanes(v8 a) {
    return ((a[0] + a[1]) + (a[2] + a[3])) + ((a[4] + a[5]) + (a[6] + a[7]));
}
#endif

CLONES static num k_total(const num *x, Py_ssize_t n) {
    Py_ssize_t i = 0;
    num sum = 0.0;
#if VECTORS
    v8 a = {0};
    for (; i + 8 <= n; i += 8) a += AT(x, i);
    sum = lanes(a);
#endif
    for (; i < n; i++) sum += x[i];
    return sum;
}

#if VECTORS
#define MIX(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
/* The sums of the lanes of eight vectors, as one vector. */
static inline __attribute__((always_inline)) v8 lanes8(v8 a, v8 b, v8 c, v8 d, v8 e, v8 f, v8 g, v8 h) {
#define PAIR(x, y) MIX(x, y, 0, 8, 2, 10, 4, 12, 6, 14) + MIX(x, y, 1, 9, 3, 11, 5, 13, 7, 15)
#define FOUR(x, y) MIX(x, y, 0, 1, 8, 9, 4, 5, 12, 13) + MIX(x, y, 2, 3, 10, 11, 6, 7, 14, 15)
    v8 ab = PAIR(a, b), cd = PAIR(c, d), ef = PAIR(e, f), gh = PAIR(g, h);
    v8 low = FOUR(ab, cd), high = FOUR(ef, gh);
    return MIX(low, high, 0, 1, 2, 3, 8, 9, 10, 11) + MIX(low, high, 4, 5, 6, 7, 12, 13, 14, 15);
}
#endif

/* The sums of d * x over the block, for one d and up to eight x. */
CLONES static void k_row(num *restrict sums, Py_ssize_t step, const num *d,
                         const num *const *x, int count, Py_ssize_t n) {
    Py_ssize_t i = 0;
    num first[8] = {0};
#if VECTORS
    v8 s[8] = {{0}};
    if (count == 8) {
        v8 s0 = {0}, s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0;
        for (; i + 8 <= n; i += 8) {
            v8 g = AT(d, i);
            s0 += g * AT(x[0], i), s1 += g * AT(x[1], i), s2 += g * AT(x[2], i);
            s3 += g * AT(x[3], i), s4 += g * AT(x[4], i), s5 += g * AT(x[5], i);
            s6 += g * AT(x[6], i), s7 += g * AT(x[7], i);
        }
        TO(first, 0) = lanes8(s0, s1, s2, s3, s4, s5, s6, s7);
    } else {
        Py_ssize_t whole = n & ~(Py_ssize_t)7;
        for (int k = 0; k < count; k++)
            for (i = 0; i < whole; i += 8) s[k] += AT(d, i) * AT(x[k], i);
        i = whole;
        TO(first, 0) = lanes8(s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]);
    }
#endif
    for (int k = 0; k < count; k++) {
        num sum = first[k];
        for (Py_ssize_t l = i; l < n; l++) sum += d[l] * x[k][l];
        sums[k * step] = sum;
    }
}

/* The same for four d and two x at once, which reads each column less often. */
CLONES static void k_tile(num *restrict sums, const num *const *d, const num *x,
                          const num *y, Py_ssize_t n) {
    Py_ssize_t i = 0;
    num first[8] = {0};
    const num *d0 = d[0], *d1 = d[1], *d2 = d[2], *d3 = d[3];
#if VECTORS
    v8 s0 = {0}, s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0;
    for (; i + 8 <= n; i += 8) {
        v8 p = AT(x, i), q = AT(y, i), g = AT(d0, i), h = AT(d1, i);
        s0 += g * p, s1 += g * q, s2 += h * p, s3 += h * q;
        g = AT(d2, i), h = AT(d3, i);
        s4 += g * p, s5 += g * q, s6 += h * p, s7 += h * q;
    }
    TO(first, 0) = lanes8(s0, s1, s2, s3, s4, s5, s6, s7);
#endif
    for (; i < n; i++) {
        first[0] += d0[i] * x[i], first[1] += d0[i] * y[i], first[2] += d1[i] * x[i];
        first[3] += d1[i] * y[i], first[4] += d2[i] * x[i], first[5] += d2[i] * y[i];
        first[6] += d3[i] * x[i], first[7] += d3[i] * y[i];
    }
    memcpy(sums, first, sizeof first);
}

/* sums[j * k + i] = the sum over the block of d[j] * x[i]. */
static void k_outer(num *restrict sums, const num *const *d, int m, const num *const *x,
                    int k, Py_ssize_t n) {
    int j = 0;
    for (; j + 4 <= m; j += 4) {
        int i = 0;
        for (; i + 2 <= k; i += 2) {
            num s[8];
            k_tile(s, d + j, x[i], x[i + 1], n);
            for (int l = 0; l < 4; l++) {
                sums[(j + l) * k + i] = s[2 * l];
                sums[(j + l) * k + i + 1] = s[2 * l + 1];
            }
        }
        if (i < k) k_row(sums + j * k + i, k, x[i], d + j, 4, n);
    }
    for (; j < m; j++)
        for (int i = 0; i < k; i += 8) k_row(sums + j * k + i, 1, d[j], x + i, k - i < 8 ? k - i : 8, n);
}

/* Four sums of scalars times columns at once, over the same columns. s holds the scalars of
   column 0 for the four, then those of column 1, and so on. */
CLONES static void k_four(num *const *dst, const num *start, const num *restrict s,
                          int m, const num *const *x, Py_ssize_t n) {
    num *y0 = dst[0], *y1 = dst[1], *y2 = dst[2], *y3 = dst[3];
    Py_ssize_t i = 0;
#if VECTORS
    for (; i + 16 <= n; i += 16) {
        v8 a0, a1, b0, b1, c0, c1, d0, d1;
        int k = 0;
        if (start) {
            a0 = a1 = start[0] - (v8){0}, b0 = b1 = start[1] - (v8){0};
            c0 = c1 = start[2] - (v8){0}, d0 = d1 = start[3] - (v8){0};
        } else {
            v8 p = AT(x[0], i), q = AT(x[0], i + 8);
            a0 = s[0] * p, a1 = s[0] * q, b0 = s[1] * p, b1 = s[1] * q;
            c0 = s[2] * p, c1 = s[2] * q, d0 = s[3] * p, d1 = s[3] * q;
            k = 1;
        }
        for (; k < m; k++) {
            const num *w = s + 4 * k;
            v8 p = AT(x[k], i), q = AT(x[k], i + 8);
            a0 += w[0] * p, a1 += w[0] * q, b0 += w[1] * p, b1 += w[1] * q;
            c0 += w[2] * p, c1 += w[2] * q, d0 += w[3] * p, d1 += w[3] * q;
        }
        TO(y0, i) = a0, TO(y0, i + 8) = a1, TO(y1, i) = b0, TO(y1, i + 8) = b1;
        TO(y2, i) = c0, TO(y2, i + 8) = c1, TO(y3, i) = d0, TO(y3, i + 8) = d1;
    }
    for (; i + 8 <= n; i += 8) {
        v8 a, b, c, d;
        int k = 0;
        if (start) {
            a = start[0] - (v8){0}, b = start[1] - (v8){0};
            c = start[2] - (v8){0}, d = start[3] - (v8){0};
        } else {
            v8 p = AT(x[0], i);
            a = s[0] * p, b = s[1] * p, c = s[2] * p, d = s[3] * p, k = 1;
        }
        for (; k < m; k++) {
            v8 p = AT(x[k], i);
            const num *w = s + 4 * k;
            a += w[0] * p, b += w[1] * p, c += w[2] * p, d += w[3] * p;
        }
        TO(y0, i) = a, TO(y1, i) = b, TO(y2, i) = c, TO(y3, i) = d;
    }
#endif
    for (; i < n; i++)
        for (int o = 0; o < 4; o++) {
            int k = start ? 0 : 1;
            num a = start ? start[o] : s[o] * x[0][i];
            for (; k < m; k++) a += s[4 * k + o] * x[k][i];
            dst[o][i] = a;
        }
}

/* Sections ---------------------------------------------------------------------------------- */

typedef struct {
    int32_t *code;
    Py_ssize_t size;
} Section;

typedef struct {
    PyObject_HEAD
    Section before, each, after;
    num *scalars;
    Py_ssize_t n_scalars, n_registers, n_inputs, n_outputs;
    Py_ssize_t first_parameter, n_parameters, count_at, first_sum, n_sums;
    int32_t *results;
    Py_ssize_t n_results, most_operands;
    PyObject *functions; /* what only Python can compute */
    num *registers;
    Py_ssize_t room; /* doubles allocated for registers */
} Machine;

static int call_function(int32_t f, const num **p, const int *step, int m, num *dst,
                         Py_ssize_t n, double *row) {
    void (*call)(void) = mg_table[f].call;
    switch (mg_table[f].arity) {
    case 1: {
        double (*g)(double) = (double (*)(double))call;
        for (Py_ssize_t i = 0; i < n; i++) dst[i] = g(p[0][i * step[0]]);
        return 0;
    }
    case 2: {
        double (*g)(double, double) = (double (*)(double, double))call;
        for (Py_ssize_t i = 0; i < n; i++) dst[i] = g(p[0][i * step[0]], p[1][i * step[1]]);
        return 0;
    }
    case 3: {
        double (*g)(double, double, double) = (double (*)(double, double, double))call;
        for (Py_ssize_t i = 0; i < n; i++)
            dst[i] = g(p[0][i * step[0]], p[1][i * step[1]], p[2][i * step[2]]);
        return 0;
    }
    case 4: {
        double (*g)(double, double, double, double) =
            (double (*)(double, double, double, double))call;
        for (Py_ssize_t i = 0; i < n; i++)
            dst[i] = g(p[0][i * step[0]], p[1][i * step[1]], p[2][i * step[2]], p[3][i * step[3]]);
        return 0;
    }
    case -1: {
        double (*g)(int, const double *) = (double (*)(int, const double *))call;
        for (Py_ssize_t i = 0; i < n; i++) {
            for (int k = 0; k < m; k++) row[k] = p[k][i * step[k]];
            dst[i] = g(m, row);
        }
        return 0;
    }
    case -2: {
        double (*g)(double, int, const double *) = (double (*)(double, int, const double *))call;
        for (Py_ssize_t i = 0; i < n; i++) {
            for (int k = 1; k < m; k++) row[k - 1] = p[k][i * step[k]];
            dst[i] = g(p[0][i * step[0]], m - 1, row);
        }
        return 0;
    }
    }
    return -1;
}

#if defined(MG_FAST) && VECTORS
#include "fast.h"
#endif

static int call_python(PyObject *f, const num **p, const int *step, int m, num *dst,
                       Py_ssize_t n) {
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *args = PyTuple_New(m);
        if (!args) return -1;
        for (int k = 0; k < m; k++) {
            PyObject *x = PyFloat_FromDouble(p[k][i * step[k]]);
            if (!x) {
                Py_DECREF(args);
                return -1;
            }
            PyTuple_SET_ITEM(args, k, x);
        }
        PyObject *y = PyObject_CallObject(f, args);
        Py_DECREF(args);
        if (!y) return -1;
        dst[i] = PyFloat_AsDouble(y);
        Py_DECREF(y);
        if (PyErr_Occurred()) return -1;
    }
    return 0;
}

/* Room for the operands of one instruction. */
typedef struct {
    const num **p;
    num *s;
    int *step;
    double *row;
} Scratch;

/* How far sums of these columns times others go. Past the last example their registers are set
   to zero, so that whole vectors can be added; the others repeat the last example there. */
static Py_ssize_t whole(const Place *place, num *registers, const int32_t *r, int count,
                        Py_ssize_t real, Py_ssize_t n) {
    if (n == real) return real;
    for (int k = 0; k < count; k++)
        if ((r[k] & 3) != COLUMN) return real;
    for (int k = 0; k < count; k++) {
        num *column = registers + (Py_ssize_t)(r[k] >> 2) * place->width;
        for (Py_ssize_t i = real; i < n; i++) column[i] = 0;
    }
    return n;
}

static int run_section(Machine *m, const Section *section, const Place *place, num *registers,
                       num *scalars, num *out, Py_ssize_t out_stride, Py_ssize_t n,
                       Py_ssize_t real, int by_columns, const Scratch *scratch) {
    const int32_t *pc = section->code, *end = pc + section->size;
    const num **p = scratch->p;
    num *s = scratch->s;
    int *step = scratch->step;
    while (pc < end) {
        int op = pc[0], count = pc[2];
        const int32_t *r = pc + 3;
        num *dst = by_columns ? registers + (Py_ssize_t)pc[1] * place->width : scalars + pc[1];
        pc += 3 + count;
#define COL(i) ((r[i] & 3) != SCALAR && by_columns)
        if (!by_columns && op <= NEG) { /* the most frequent ones, without a call */
            num a = scalars[r[0] >> 2], b = op == NEG ? 0.0 : scalars[r[1] >> 2];
            *dst = op == ADD ? a + b : op == SUB ? a - b : op == MUL ? a * b : op == DIV ? a / b : -a;
            continue;
        }
        switch (op) {
        case ADD: k_add(dst, at(place, r[0]), COL(0), at(place, r[1]), COL(1), n); break;
        case SUB: k_sub(dst, at(place, r[0]), COL(0), at(place, r[1]), COL(1), n); break;
        case MUL: k_mul(dst, at(place, r[0]), COL(0), at(place, r[1]), COL(1), n); break;
        case DIV: k_div(dst, at(place, r[0]), COL(0), at(place, r[1]), COL(1), n); break;
        case NEG: k_neg(dst, at(place, r[0]), COL(0), n); break;
        case RELU: k_relu(dst, at(place, r[0]), COL(0), n); break;
        case GATE: k_gate(dst, at(place, r[0]), COL(0), at(place, r[1]), COL(1), n); break;
        case DOTS: { /* start or NONE, then a1, b1, a2, b2, ... */
            int k = (count - 1) / 2, scaled = by_columns;
            const num *start = r[0] == NONE ? NULL : at(place, r[0]);
            for (int i = 0; i < k; i++) {
                if (!COL(2 * i + 1) && COL(2 * i + 2)) {
                    s[i] = *at(place, r[2 * i + 1]);
                    p[i] = at(place, r[2 * i + 2]);
                } else {
                    scaled = 0;
                    break;
                }
            }
            if (scaled) {
                k_scaled(dst, start, start && COL(0), k, s, p, n);
                break;
            }
            if (!by_columns) {
                int i = 0;
                num a;
                if (start) a = *start;
                else a = *at(place, r[1]) * *at(place, r[2]), i = 1;
                for (; i < k; i++) a += *at(place, r[2 * i + 1]) * *at(place, r[2 * i + 2]);
                *dst = a;
                break;
            }
            for (int i = 0; i < 2 * k; i++) p[i] = at(place, r[i + 1]), step[i] = COL(i + 1);
            for (Py_ssize_t l = 0; l < n; l++) {
                int i = start ? 0 : 1;
                num a = start ? start[COL(0) ? l : 0] : p[0][l * step[0]] * p[1][l * step[1]];
                for (; i < k; i++) a += p[2 * i][l * step[2 * i]] * p[2 * i + 1][l * step[2 * i + 1]];
                dst[l] = a;
            }
            break;
        }
        case ADDN: /* 0 + x1 + x2 + ... */
            if (!by_columns) {
                num a = 0.0;
                for (int k = 0; k < count; k++) a += scalars[r[k] >> 2];
                *dst = a;
                break;
            }
            for (int k = 0; k < count; k++) p[k] = at(place, r[k]), step[k] = COL(k);
            for (Py_ssize_t l = 0; l < n; l++) {
                num a = 0.0;
                for (int k = 0; k < count; k++) a += p[k][l * step[k]];
                dst[l] = a;
            }
            break;
        case TOTAL:
            scalars[pc[-2 - count]] += k_total(at(place, r[0]), whole(place, registers, r, 1, real, n));
            break;
        case OUTER: { /* how many d, how many x, the columns d and x, and the scalars to add to */
            int rows = r[0], k = r[1];
            for (int i = 0; i < rows + k; i++) p[i] = at(place, r[2 + i]);
            k_outer(s, p, rows, p + rows, k, whole(place, registers, r + 2, rows, real, n));
            const int32_t *to = r + 2 + rows + k;
            for (int i = 0; i < rows * k; i++) scalars[to[i]] += s[i];
            break;
        }
        case LAYER: { /* how many sums, how many columns, the columns; result, start, scalars of each */
            int sums = r[0], k = r[1], j = 0;
            const int32_t *each = r + 2 + k;
            for (int i = 0; i < k; i++) p[i] = at(place, r[2 + i]);
            for (; j < sums; j += 4) {
                int some = sums - j < 4 ? sums - j : 4;
                const int32_t *of[4];
                num start[4], *y[4];
                for (int o = 0; o < some; o++) {
                    of[o] = each + (Py_ssize_t)(j + o) * (k + 2);
                    y[o] = registers + (Py_ssize_t)of[o][0] * place->width;
                    start[o] = of[o][1] == NONE ? 0.0 : scalars[of[o][1] >> 2];
                }
                int begun = of[0][1] != NONE;
                if (some == 4) {
                    for (int i = 0; i < k; i++)
                        for (int o = 0; o < 4; o++) s[4 * i + o] = scalars[of[o][2 + i] >> 2];
                    k_four(y, begun ? start : NULL, s, k, p, n);
                } else {
                    for (int o = 0; o < some; o++) {
                        for (int i = 0; i < k; i++) s[i] = scalars[of[o][2 + i] >> 2];
                        k_scaled(y[o], begun ? start + o : NULL, 0, k, s, p, n);
                    }
                }
            }
            break;
        }
        case OUT: {
            const num *x = at(place, r[0]);
            num *y = out + (Py_ssize_t)pc[-2 - count] * out_stride;
            if (COL(0)) memcpy(y, x, real * sizeof(num));
            else
                for (Py_ssize_t l = 0; l < real; l++) y[l] = *x;
            break;
        }
        case SPREAD: { /* a simple operation on rows of scalars: which, a, step, b, step, length */
            const num *a = scalars + r[1], *b = scalars + r[3];
            switch (r[0]) {
            case ADD: k_add(dst, a, r[2], b, r[4], r[5]); break;
            case SUB: k_sub(dst, a, r[2], b, r[4], r[5]); break;
            case MUL: k_mul(dst, a, r[2], b, r[4], r[5]); break;
            case DIV: k_div(dst, a, r[2], b, r[4], r[5]); break;
            case NEG: k_neg(dst, a, r[2], r[5]); break;
            }
            break;
        }
        case CALL:
        case PYCALL: {
            for (int k = 1; k < count; k++) p[k - 1] = at(place, r[k]), step[k - 1] = COL(k);
#if defined(MG_FAST) && VECTORS
            if (op == CALL && by_columns && call_fast(r[0], p, step, count - 1, dst, n)) break;
#endif
            int bad = op == CALL ? call_function(r[0], p, step, count - 1, dst, n, scratch->row)
                                 : call_python(PyTuple_GET_ITEM(m->functions, r[0]), p, step,
                                               count - 1, dst, n);
            if (bad) return -1;
            break;
        }
        }
    }
    return 0;
#undef COL
}

#define BLOCK 128

static int prepare(Machine *m, Py_ssize_t width, Scratch *scratch) {
    Py_ssize_t need = m->n_registers * width;
    if (need > m->room) {
        free(m->registers);
        m->room = 0;
        m->registers = NULL;
#if defined(_WIN32)
        m->registers = malloc(need * sizeof(num));
#else
        void *got = NULL;
        if (!posix_memalign(&got, 64, need * sizeof(num))) m->registers = got;
#endif
        if (!m->registers) return -1;
        m->room = need;
        memset(m->registers, 0, need * sizeof(num));
    }
    Py_ssize_t most = m->most_operands + 1;
    scratch->p = malloc(most * sizeof(num *));
    scratch->s = malloc(4 * most * sizeof(num));
    scratch->step = malloc(most * sizeof(int));
    scratch->row = malloc(most * sizeof(double));
    return scratch->p && scratch->s && scratch->step && scratch->row ? 0 : -1;
}

static void release(Scratch *scratch) {
    free(scratch->p);
    free(scratch->s);
    free(scratch->step);
    free(scratch->row);
}

/* A part of a large batch: blocks of its own, registers and sums of its own. */
#define PARTS 8
#define LARGE 4096 /* examples from which a batch is cut in parts */
#define WORTH 4e6  /* operations on numbers from which threads pay */

typedef struct {
    Machine *m;
    const num *inputs;
    num *out, *registers, *scalars;
    Py_ssize_t stride, out_stride, from, to, width;
    int state;
} Part;

static void run_part(Part *part) {
    Machine *m = part->m;
    Place place = {part->registers, part->scalars, NULL, part->width, part->stride};
    Py_ssize_t most = m->most_operands + 1;
    Scratch scratch = {malloc(most * sizeof(num *)), malloc(4 * most * sizeof(num)),
                       malloc(most * sizeof(int)), malloc(most * sizeof(double))};
    part->state = scratch.p && scratch.s && scratch.step && scratch.row ? 0 : -1;
    mg_refused = 0;
    for (Py_ssize_t from = part->from; from < part->to && !part->state; from += BLOCK) {
        Py_ssize_t real = part->to - from < BLOCK ? part->to - from : BLOCK;
        Py_ssize_t padded = (real + 7) / 8 * 8; /* the input columns reach that far */
        if (from + padded > part->stride) padded = real;
        place.inputs = part->inputs + from;
        part->state = run_section(m, &m->each, &place, part->registers, part->scalars,
                                  part->out ? part->out + from : NULL, part->out_stride, padded,
                                  real, 1, &scratch);
    }
    if (!part->state && mg_refused) part->state = 1;
    free(scratch.p);
    free(scratch.s);
    free(scratch.step);
    free(scratch.row);
}

#if THREADS
typedef struct {
    Part *parts;
    int first, step;
} Share;

static void *run_share(void *given) {
    Share *share = given;
    for (int i = share->first; i < PARTS; i += share->step) {
        run_part(&share->parts[i]);
        if (share->parts[i].state < 0) break; /* an error of Python's is set */
    }
    return NULL;
}
#endif

/* A large batch in eight parts, on as many threads as there are processors. The parts, and the
   order in which their sums are added, do not depend on how many that is. */
static int run_parts(Machine *m, const num *inputs, Py_ssize_t stride, Py_ssize_t n,
                     num *out, Py_ssize_t out_stride) {
    Part parts[PARTS];
    Py_ssize_t blocks = (n + BLOCK - 1) / BLOCK, size = m->n_registers * BLOCK;
    num *room = malloc((PARTS * (size + m->n_scalars) + 1) * sizeof(num));
    int state = room ? 0 : -1;
    for (int i = 0; i < PARTS && room; i++) {
        num *own = room + i * (size + m->n_scalars);
        memset(own, 0, size * sizeof(num));
        memcpy(own + size, m->scalars, m->n_scalars * sizeof(num));
        Py_ssize_t to = blocks * (i + 1) / PARTS * BLOCK;
        parts[i] = (Part){m, inputs, out, own, own + size, stride, out_stride,
                          blocks * i / PARTS * BLOCK, to < n ? to : n, BLOCK, 0};
    }
    int threads = 1;
#if THREADS
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    if (room && !PyTuple_GET_SIZE(m->functions) && (double)n * m->each.size > WORTH)
        threads = processors < 1 ? 1 : processors > PARTS ? PARTS : (int)processors;
    if (room) {
        pthread_t others[PARTS];
        Share shares[PARTS];
        int begun = 1;
        for (int t = 0; t < threads; t++) shares[t] = (Share){parts, t, threads};
        for (; begun < threads; begun++)
            if (pthread_create(&others[begun], NULL, run_share, &shares[begun])) break;
        run_share(&shares[0]);
        for (int t = begun; t < threads; t++) run_share(&shares[t]); /* no thread was to be had */
        for (int t = 1; t < begun; t++) pthread_join(others[t], NULL);
    }
#else
    for (int i = 0; i < PARTS && room; i++) run_part(&parts[i]);
#endif
    for (int i = 0; i < PARTS && room; i++) {
        if (parts[i].state && state >= 0) state = parts[i].state;
        for (Py_ssize_t k = 0; k < m->n_sums; k++)
            m->scalars[m->first_sum + k] += parts[i].scalars[m->first_sum + k];
    }
    free(room);
    return state;
}

/* The whole batch: n examples, `stride` from one input column to the next. */
static int run_batch(Machine *m, const num *inputs, Py_ssize_t stride, Py_ssize_t n,
                     num *out, Py_ssize_t out_stride, const Scratch *scratch) {
    num *S = m->scalars;
    Py_ssize_t width = n < BLOCK ? (n + 7) / 8 * 8 : BLOCK;
    int state = 0;
    if (m->count_at >= 0) S[m->count_at] = (num)n;
    for (Py_ssize_t i = 0; i < m->n_sums; i++) S[m->first_sum + i] = 0.0;
    mg_refused = 0;
    Place place = {m->registers, S, inputs, width, stride};
    if (run_section(m, &m->before, &place, m->registers, S, NULL, 0, 1, 1, 0, scratch)) return -1;
    if (n >= LARGE) {
        int refused = mg_refused;
        state = run_parts(m, inputs, stride, n, out, out_stride);
        mg_refused = refused | (state > 0);
        if (state < 0) return -1;
    }
    for (Py_ssize_t from = 0; from < n && n < LARGE; from += BLOCK) {
        Py_ssize_t real = n - from < BLOCK ? n - from : BLOCK;
        Py_ssize_t padded = (real + 7) / 8 * 8; /* the input columns reach that far */
        if (from + padded > stride) padded = real;
        place.inputs = inputs + from;
        if (run_section(m, &m->each, &place, m->registers, S, out ? out + from : NULL, out_stride,
                        padded, real, 1, scratch))
            return -1;
    }
    if (run_section(m, &m->after, &place, m->registers, S, NULL, 0, 1, 1, 0, scratch)) return -1;
    return mg_refused ? 1 : 0;
}

/* Checks ------------------------------------------------------------------------------------ */

static int fits(const Machine *m, int32_t r, int by_columns) {
    if (r < 0) return 0;
    Py_ssize_t i = r >> 2;
    switch (r & 3) {
    case COLUMN: return by_columns && i < m->n_registers;
    case SCALAR: return i < m->n_scalars;
    case INPUT: return by_columns && i < m->n_inputs;
    }
    return 0;
}

/* The instructions with a table of operands. */
static const char *check_table(const Machine *m, int op, const int32_t *r, int32_t count) {
    if (count < 2) return "an instruction is cut off";
    int64_t rows = r[0], k = r[1];
    if (rows < 1 || k < 1 || rows > count || k > count) return "a table of no size";
    if (count != (op == OUTER ? 2 + rows + k + rows * k : 2 + k + rows * (k + 2)))
        return "a wrong number of operands";
    if (op == OUTER) {
        for (int64_t i = 0; i < rows + k; i++)
            if ((r[2 + i] & 3) == SCALAR) return "a sum over the batch of a scalar";
        for (int64_t i = 2 + rows + k; i < count; i++)
            if (r[i] < 0 || r[i] >= m->n_scalars) return "a destination out of range";
        return NULL;
    }
    for (int64_t i = 0; i < k; i++)
        if ((r[2 + i] & 3) == SCALAR) return "a scalar where a column belongs";
    const int32_t *each = r + 2 + k;
    for (int64_t j = 0; j < rows; j++, each += k + 2) {
        if (each[0] < 0 || each[0] >= m->n_registers) return "a destination out of range";
        if ((each[1] == NONE) != (r[2 + k + 1] == NONE)) return "some sums with a start, some without";
        for (int64_t i = each[1] == NONE ? 2 : 1; i < k + 2; i++)
            if ((each[i] & 3) != SCALAR || !fits(m, each[i], 0)) return "an operand out of range";
    }
    return NULL;
}

static const char *check(Machine *m, const Section *section, int by_columns) {
    const int32_t *pc = section->code, *end = pc + section->size;
    while (pc < end) {
        if (end - pc < 3) return "an instruction is cut off";
        int32_t op = pc[0], dst = pc[1], count = pc[2];
        if (op < 0 || op >= OPS) return "there is no such operation";
        if (count < 0 || count > end - pc - 3) return "an instruction is cut off";
        if (ARITY[op] >= 0 && count != ARITY[op]) return "a wrong number of operands";
        Py_ssize_t room = !by_columns || op == TOTAL ? m->n_scalars : m->n_registers;
        if (op == OUT) room = m->n_outputs;
        if (op == OUTER || op == LAYER) room = 1;
        if (dst < 0 || dst >= room) return "a destination out of range";
        if ((op == TOTAL || op == OUT) && !by_columns)
            return "a sum over the batch outside of it";
        const int32_t *r = pc + 3;
        int first = 0, last = count;
        if (op == DOTS) {
            if (count < 3 || count % 2 == 0) return "a wrong number of operands";
            if (r[0] == NONE) first = 1;
        }
        if (op == OUTER || op == LAYER) {
            const char *wrong = check_table(m, op, r, count);
            if (wrong) return wrong;
            if (!by_columns) return "columns outside of a batch";
            first = 2, last = 2 + r[1] + (op == OUTER ? r[0] : 0);
        }
        if (op == TOTAL && (r[0] & 3) == SCALAR) return "a sum over the batch of a scalar";
        if (op == SPREAD) {
            Py_ssize_t n = m->n_scalars;
            if (by_columns || r[0] < 0 || r[0] > NEG || r[2] >> 1 || r[4] >> 1 || r[5] < 1)
                return "a row of scalars that cannot be";
            if (r[1] < 0 || r[3] < 0 || r[1] + (r[2] ? r[5] - 1 : 0) >= n ||
                r[3] + (r[4] ? r[5] - 1 : 0) >= n || dst + r[5] > n || r[5] > n)
                return "a row of scalars out of range";
            pc += 3 + count;
            continue;
        }
        if (op == CALL || op == PYCALL) {
            Py_ssize_t known = op == CALL ? MG_TABLE : PyTuple_GET_SIZE(m->functions);
            if (count < 1 || r[0] < 0 || r[0] >= known) return "there is no such function";
            if (op == CALL) {
                int arity = mg_table[r[0]].arity;
                if (arity >= 0 ? count - 1 != arity : count - 1 < -1 - arity)
                    return "a wrong number of operands";
            }
            first = 1;
        }
        for (int i = first; i < last; i++)
            if (!fits(m, r[i], by_columns)) return "an operand out of range";
        if (count > m->most_operands) m->most_operands = count;
        pc += 3 + count;
    }
    return NULL;
}

/* The Python side --------------------------------------------------------------------------- */

static int take(Section *section, const Py_buffer *b) {
    section->size = b->len / (Py_ssize_t)sizeof(int32_t);
    section->code = malloc(b->len ? b->len : 1);
    if (!section->code) return -1;
    memcpy(section->code, b->buf, b->len);
    return 0;
}

static void machine_free(Machine *m) {
    free(m->before.code);
    free(m->each.code);
    free(m->after.code);
    free(m->scalars);
    free(m->results);
    free(m->registers);
    Py_XDECREF(m->functions);
    PyTypeObject *type = Py_TYPE(m);
    type->tp_free((PyObject *)m);
    Py_DECREF(type);
}

static PyObject *machine_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"before", "each", "after", "scalars", "results", "registers", "inputs",
                            "outputs", "first_parameter", "parameters", "count_at", "first_sum",
                            "sums", "functions", NULL};
    Py_buffer b[5] = {{0}};
    Py_ssize_t registers, inputs, outputs, first_parameter, parameters, count_at, first_sum, sums;
    PyObject *functions;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "y*y*y*y*y*nnnnnnnnO!", names, &b[0], &b[1],
                                     &b[2], &b[3], &b[4], &registers, &inputs, &outputs,
                                     &first_parameter, &parameters, &count_at, &first_sum, &sums,
                                     &PyTuple_Type, &functions))
        return NULL;
    const char *wrong = NULL;
    Machine *m = (Machine *)type->tp_alloc(type, 0);
    if (m) {
        m->n_scalars = b[3].len / (Py_ssize_t)sizeof(num);
        m->n_results = b[4].len / (Py_ssize_t)sizeof(int32_t);
        m->n_registers = registers, m->n_inputs = inputs, m->n_outputs = outputs;
        m->first_parameter = first_parameter, m->n_parameters = parameters;
        m->count_at = count_at, m->first_sum = first_sum, m->n_sums = sums;
        m->functions = Py_NewRef(functions);
        m->scalars = malloc(b[3].len ? b[3].len : 1);
        m->results = malloc(b[4].len ? b[4].len : 1);
        if (!m->scalars || !m->results || take(&m->before, &b[0]) || take(&m->each, &b[1]) ||
            take(&m->after, &b[2])) {
            PyErr_NoMemory();
            Py_CLEAR(m);
        } else {
            memcpy(m->scalars, b[3].buf, b[3].len);
            memcpy(m->results, b[4].buf, b[4].len);
            Py_ssize_t n = m->n_scalars;
            if (registers < 0 || inputs < 0 || outputs < 0 || first_parameter < 0 ||
                parameters < 0 || parameters > n - first_parameter || count_at >= n ||
                first_sum < 0 || sums < 0 || sums > n - first_sum || registers > m->each.size ||
                inputs > 1 << 28 || outputs > 1 << 28)
                wrong = "a size out of range";
            for (Py_ssize_t i = 0; i < m->n_results && !wrong; i++)
                if (m->results[i] < 0 || m->results[i] >= n) wrong = "a result out of range";
            if (!wrong) wrong = check(m, &m->before, 0);
            if (!wrong) wrong = check(m, &m->each, 1);
            if (!wrong) wrong = check(m, &m->after, 0);
            if (wrong) {
                PyErr_Format(PyExc_ValueError, "this is no program for the machine: %s", wrong);
                Py_CLEAR(m);
            }
        }
    }
    for (int i = 0; i < 5; i++) PyBuffer_Release(&b[i]);
    return (PyObject *)m;
}

/* Whether a buffer holds at least so many doubles. */
static int holds(const Py_buffer *b, Py_ssize_t doubles, const char *what) {
    if (b->len / (Py_ssize_t)sizeof(num) >= doubles) return 1;
    PyErr_Format(PyExc_ValueError, "the machine needs %zd numbers as %s, not %zd", doubles, what,
                 b->len / (Py_ssize_t)sizeof(num));
    return 0;
}

/* Whether so many rows of so many doubles are more than any buffer has. */
static int too_many(Py_ssize_t rows, Py_ssize_t length) {
    return rows && length > PY_SSIZE_T_MAX / 16 / rows;
}

PyDoc_STRVAR(run_doc,
             "run(parameters, inputs, n, stride, results, outputs)\n--\n\n"
             "0, or 1 where a number was refused, 2 where a result is nan. Fills results and outputs.\n"
             "All are buffers of doubles; `inputs` has a column of `stride` numbers for each input, of which n count.");

static PyObject *machine_run(Machine *m, PyObject *args) {
    Py_buffer parameters, inputs, results, outputs;
    Py_ssize_t n, stride;
    if (!PyArg_ParseTuple(args, "y*y*nnw*w*", &parameters, &inputs, &n, &stride, &results, &outputs))
        return NULL;
    int state = -2;
    Scratch scratch = {0};
    if (n < 0 || stride < n) {
        PyErr_SetString(PyExc_ValueError, "the machine: a column is shorter than the batch");
    } else if (too_many(1, stride) || too_many(m->n_inputs, stride) || too_many(m->n_outputs, n)) {
        PyErr_SetString(PyExc_ValueError, "the machine: there are not that many numbers");
    } else if (holds(&parameters, m->n_parameters, "parameters") &&
               holds(&inputs, m->n_inputs * stride, "inputs") &&
               holds(&results, m->n_results, "results") &&
               holds(&outputs, m->n_outputs * n, "outputs")) {
        Py_ssize_t width = n < BLOCK ? (n + 7) / 8 * 8 : BLOCK;
        if (prepare(m, width, &scratch)) {
            PyErr_NoMemory();
        } else {
            memcpy(m->scalars + m->first_parameter, parameters.buf, m->n_parameters * sizeof(num));
            /* `call` takes no lock: what it may run keeps the interpreter's. */
            if (PyTuple_GET_SIZE(m->functions) || !m->each.size) {
                state = run_batch(m, inputs.buf, stride, n, outputs.buf, n, &scratch);
            } else {
                /* The registers belong to this machine: the caller holds a lock of its own. */
                Py_BEGIN_ALLOW_THREADS
                state = run_batch(m, inputs.buf, stride, n, outputs.buf, n, &scratch);
                Py_END_ALLOW_THREADS
            }
            num *y = results.buf;
            for (Py_ssize_t i = 0; i < m->n_results; i++) {
                y[i] = m->scalars[m->results[i]];
                if (y[i] != y[i] && state == 0) state = 2;
            }
        }
        release(&scratch);
    }
    PyBuffer_Release(&parameters);
    PyBuffer_Release(&inputs);
    PyBuffer_Release(&results);
    PyBuffer_Release(&outputs);
    if (state < 0) return PyErr_Occurred() ? NULL : PyErr_NoMemory();
    return PyLong_FromLong(state);
}

PyDoc_STRVAR(fit_doc,
             "fit(update, columns, inputs, n, stride, order, batch, steps, coefficients, losses)\n--\n\n"
             "How many steps were taken: all, or fewer where a gradient was not a number. This\n"
             "machine gives the sum of the loss and of its gradient over a batch; `update` the new\n"
             "parameters and states from `columns`: parameters, gradients, states, one after the\n"
             "other. `order` lists the examples of each step (int32), or is empty for all of them.");

static PyObject *machine_fit(Machine *m, PyObject *args) {
    Machine *u;
    Py_buffer columns, inputs, order, coefficients, losses;
    Py_ssize_t n, stride, batch, steps, done = 0;
    if (!PyArg_ParseTuple(args, "O!w*y*nny*nny*w*", Py_TYPE(m), &u, &columns, &inputs, &n, &stride,
                          &order, &batch, &steps, &coefficients, &losses))
        return NULL;
    Scratch scratch = {0}, scratch_u = {0};
    num *gathered = NULL, *fresh = NULL;
    Py_ssize_t np = m->n_parameters, kinds = u->n_outputs, padded = (np + 7) / 8 * 8;
    Py_ssize_t bs = batch < PY_SSIZE_T_MAX - 7 ? (batch + 7) / 8 * 8 : 0;
    int ok = 0;
    if (n < 1 || stride < n || batch < 1 || batch > n || steps < 0 || (!order.len && batch != n) ||
        kinds < 1 || u->n_inputs != kinds + 1 || m->n_results != np + 1 || m->n_outputs) {
        PyErr_SetString(PyExc_ValueError, "the machine: these sizes do not go together");
    } else if (too_many(1, stride) || too_many(m->n_inputs, stride) || too_many(kinds + 1, padded) ||
               too_many(batch, steps) || too_many(u->n_parameters, steps)) {
        PyErr_SetString(PyExc_ValueError, "the machine: there are not that many numbers");
    } else if (order.len && order.len / (Py_ssize_t)sizeof(int32_t) < batch * steps) {
        PyErr_SetString(PyExc_ValueError, "the machine: the order of examples is too short");
    } else if (holds(&columns, (kinds + 1) * padded, "columns") &&
               holds(&inputs, m->n_inputs * stride, "inputs") &&
               holds(&coefficients, u->n_parameters * steps, "coefficients") &&
               holds(&losses, steps, "losses")) {
        ok = 1;
        const int32_t *index = order.buf;
        for (Py_ssize_t i = 0; order.len && i < batch * steps; i++)
            if (index[i] < 0 || index[i] >= n) ok = 0;
        if (!ok) PyErr_SetString(PyExc_ValueError, "the machine: an example out of range");
    }
    if (ok) {
        gathered = malloc((m->n_inputs * bs + 1) * sizeof(num));
        fresh = malloc(kinds * padded * sizeof(num));
        Py_ssize_t width = batch < BLOCK ? bs : BLOCK, width_u = np < BLOCK ? padded : BLOCK;
        if (!gathered || !fresh || prepare(m, width, &scratch) || prepare(u, width_u, &scratch_u)) {
            PyErr_NoMemory();
            ok = 0;
        }
    }
    if (ok) {
        int gil = PyTuple_GET_SIZE(m->functions) || PyTuple_GET_SIZE(u->functions);
        PyThreadState *saved = gil ? NULL : PyEval_SaveThread();
        num *p = columns.buf, *g = p + padded, *loss = losses.buf;
        const num *c = coefficients.buf, *x = inputs.buf;
        Py_ssize_t x_stride = stride;
        int row = 1; /* whether the sums stand side by side */
        for (Py_ssize_t i = 0; i < np; i++) row &= m->results[i + 1] == m->results[1] + i;
        for (done = 0; done < steps; done++) {
            if (order.len) {
                const int32_t *index = (const int32_t *)order.buf + done * batch;
                for (Py_ssize_t k = 0; k < m->n_inputs; k++) {
                    const num *from = (const num *)inputs.buf + k * stride;
                    num *to = gathered + k * bs;
                    for (Py_ssize_t i = 0; i < batch; i++) to[i] = from[index[i]];
                    for (Py_ssize_t i = batch; i < bs; i++) to[i] = to[batch - 1];
                }
                x = gathered;
                x_stride = bs;
            }
            memcpy(m->scalars + m->first_parameter, p, np * sizeof(num));
            if (run_batch(m, x, x_stride, batch, NULL, 0, &scratch)) break;
            const num *sums = np ? m->scalars + m->results[1] : NULL;
            if (!row) {
                for (Py_ssize_t i = 0; i < np; i++) fresh[i] = m->scalars[m->results[i + 1]];
                sums = fresh;
            }
            if (k_mean(g, sums, (num)batch, np)) break;
            loss[done] = m->scalars[m->results[0]] / (num)batch;
            memcpy(u->scalars + u->first_parameter, c + done * u->n_parameters,
                   u->n_parameters * sizeof(num));
            if (run_batch(u, p, padded, np, fresh, padded, &scratch_u)) break;
            memcpy(p, fresh, np * sizeof(num));
            for (Py_ssize_t k = 1; k < kinds; k++)
                memcpy(p + (k + 1) * padded, fresh + k * padded, np * sizeof(num));
        }
        if (saved) PyEval_RestoreThread(saved);
    }
    release(&scratch);
    release(&scratch_u);
    free(gathered);
    free(fresh);
    PyBuffer_Release(&columns);
    PyBuffer_Release(&inputs);
    PyBuffer_Release(&order);
    PyBuffer_Release(&coefficients);
    PyBuffer_Release(&losses);
    return ok && !PyErr_Occurred() ? PyLong_FromSsize_t(done) : NULL;
}

/* One example, all of it scalars: the numbers as arguments, a float back; None if refused. */
PyDoc_STRVAR(call_doc, "call(*numbers)\n--\n\nThe first result; None where a number was refused.");

static PyObject *machine_call(Machine *m, PyObject *const *args, Py_ssize_t n) {
    if (n != m->n_parameters || !m->n_results || m->each.size || PyTuple_GET_SIZE(m->functions)) {
        PyErr_SetString(PyExc_ValueError, "the machine: a wrong number of numbers");
        return NULL;
    }
    num *S = m->scalars + m->first_parameter;
    for (Py_ssize_t i = 0; i < n; i++) {
        S[i] = PyFloat_AsDouble(args[i]);
        if (S[i] == -1.0 && PyErr_Occurred()) return NULL;
    }
    Scratch scratch = {0};
    const num *p[64];
    num s[64];
    int step[64];
    int small = m->most_operands < 64;
    double row[64];
    if (small) scratch.p = p, scratch.s = s, scratch.step = step, scratch.row = row;
    else if (prepare(m, 8, &scratch)) return PyErr_NoMemory();
    Place place = {NULL, m->scalars, NULL, 0, 0};
    mg_refused = 0;
    int bad = run_section(m, &m->before, &place, NULL, m->scalars, NULL, 0, 1, 1, 0, &scratch);
    if (!small) release(&scratch);
    if (bad) return NULL;
    if (mg_refused) Py_RETURN_NONE;
    return PyFloat_FromDouble(m->scalars[m->results[0]]);
}

/* What `jit` makes: an object to be called. Where its machine is set, and it is called with
   floats alone, the machine answers; else `_call` of the subclass does. */
typedef struct {
    PyObject_HEAD
    PyObject *machine;
} Caller;

static PyObject *caller_call(Caller *self, PyObject *args, PyObject *kwargs) {
    if (self->machine && (!kwargs || !PyDict_GET_SIZE(kwargs))) {
        Machine *m = (Machine *)self->machine;
        Py_ssize_t n = PyTuple_GET_SIZE(args), i = 0;
        if (n == m->n_parameters)
            while (i < n && PyFloat_CheckExact(PyTuple_GET_ITEM(args, i))) i++;
        if (n && i == n) {
            PyObject *y = machine_call(m, &PyTuple_GET_ITEM(args, 0), n);
            if (y != Py_None) return y;
            Py_DECREF(y);
        }
    }
    PyObject *slow = PyObject_GetAttrString((PyObject *)self, "_call");
    if (!slow) return NULL;
    PyObject *y = PyObject_Call(slow, args, kwargs);
    Py_DECREF(slow);
    return y;
}

static int caller_traverse(Caller *self, visitproc visit, void *arg) {
    Py_VISIT(self->machine);
    Py_VISIT(Py_TYPE(self));
    return 0;
}

static int caller_clear(Caller *self) {
    Py_CLEAR(self->machine);
    return 0;
}

static void caller_free(Caller *self) {
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    Py_CLEAR(self->machine);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

static PyObject *machine_type; /* set once, when the module is made */

static PyObject *caller_set(Caller *self, PyObject *machine) {
    if (machine != Py_None && (PyObject *)Py_TYPE(machine) != machine_type) {
        PyErr_SetString(PyExc_TypeError, "a Machine or None is needed");
        return NULL;
    }
    Py_XSETREF(self->machine, machine == Py_None ? NULL : Py_NewRef(machine));
    Py_RETURN_NONE;
}

static PyMethodDef caller_methods[] = {
    {"_use", (PyCFunction)caller_set, METH_O, "Set the machine that answers at once, or None."},
    {NULL}};

static PyType_Slot caller_slots[] = {{Py_tp_call, caller_call},
                                     {Py_tp_traverse, caller_traverse},
                                     {Py_tp_clear, caller_clear},
                                     {Py_tp_dealloc, caller_free},
                                     {Py_tp_methods, caller_methods},
                                     {0, NULL}};
static PyType_Spec caller_spec = {"micrograd.compiler._machine.Caller", sizeof(Caller), 0,
                                  Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
                                  caller_slots};

static PyMethodDef machine_methods[] = {
    {"run", (PyCFunction)machine_run, METH_VARARGS, run_doc},
    {"fit", (PyCFunction)machine_fit, METH_VARARGS, fit_doc},
    {"call", (PyCFunction)(void (*)(void))machine_call, METH_FASTCALL, call_doc},
    {NULL}};

static PyType_Slot machine_slots[] = {{Py_tp_new, machine_new},
                                      {Py_tp_dealloc, machine_free},
                                      {Py_tp_methods, machine_methods},
                                      {Py_tp_doc, "A program for columns, checked and ready."},
                                      {0, NULL}};
static PyType_Spec machine_spec = {"micrograd.compiler._machine.Machine", sizeof(Machine), 0,
                                   Py_TPFLAGS_DEFAULT, machine_slots};

static int fill_module(PyObject *module) {
    PyObject *type = PyType_FromSpec(&machine_spec);
    if (!type || PyModule_AddObject(module, "Machine", Py_NewRef(type)) < 0) return -1;
    machine_type = type;
#if defined(MG_FAST) && VECTORS
    find_fast();
#endif
    PyObject *caller = PyType_FromSpec(&caller_spec);
    if (!caller || PyModule_AddObject(module, "Caller", caller) < 0) return -1;
    PyObject *table = PyDict_New();
    if (!table) return -1;
    for (int i = 0; i < MG_TABLE; i++) {
        PyObject *number = PyLong_FromLong(i);
        if (!number || PyDict_SetItemString(table, mg_table[i].name, number) < 0) return -1;
        Py_DECREF(number);
    }
    return PyModule_AddObject(module, "FUNCTIONS", table);
}

/* A random order, as fit.py says it: Fisher and Yates's shuffle with SplitMix64. */
PyDoc_STRVAR(shuffled_doc, "shuffled(n, state)\n--\n\n"
                           "The numbers below n in random order (int32), and the next state.");

static uint64_t high_product(uint64_t x, uint64_t n) { /* n below 2^32: the bits from 64 on */
    return ((x >> 32) * n + ((x & 0xffffffffu) * n >> 32)) >> 32;
}

static PyObject *shuffled(PyObject *module, PyObject *args) {
    Py_ssize_t n;
    unsigned long long state;
    if (!PyArg_ParseTuple(args, "nK", &n, &state)) return NULL;
    if (n < 0 || n > INT32_MAX) {
        PyErr_SetString(PyExc_ValueError, "shuffled: too many examples");
        return NULL;
    }
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, n * (Py_ssize_t)sizeof(int32_t));
    if (!bytes) return NULL;
    int32_t *order = (int32_t *)PyBytes_AS_STRING(bytes);
    for (Py_ssize_t i = 0; i < n; i++) order[i] = (int32_t)i;
    for (Py_ssize_t i = n - 1; i > 0; i--) {
        uint64_t z = state += 0x9E3779B97F4A7C15u;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
        Py_ssize_t j = (Py_ssize_t)high_product(z ^ (z >> 31), (uint64_t)i + 1);
        int32_t kept = order[i];
        order[i] = order[j], order[j] = kept;
    }
    return Py_BuildValue("NK", bytes, state);
}

static PyMethodDef module_methods[] = {{"shuffled", shuffled, METH_VARARGS, shuffled_doc}, {NULL}};

static PyModuleDef_Slot module_slots[] = {{Py_mod_exec, fill_module}, {0, NULL}};
static struct PyModuleDef module_def = {PyModuleDef_HEAD_INIT, "_machine",
                                        "The column machine; see machine.c.", 0, module_methods,
                                        module_slots, NULL, NULL, NULL};

#if defined(MG_SINGLE)
PyMODINIT_FUNC PyInit__machine_single(void) { return PyModuleDef_Init(&module_def); }
#elif defined(MG_FAST)
PyMODINIT_FUNC PyInit__machine_fast(void) { return PyModuleDef_Init(&module_def); }
#else
PyMODINIT_FUNC PyInit__machine(void) { return PyModuleDef_Init(&module_def); }
#endif
