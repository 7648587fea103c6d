/* The column machine: runs a program over a batch of examples, block by block.

   A column holds one number for each example of a block and stays in the cache; a scalar is
   the same for all examples (a parameter, a constant, a sum over the batch). One instruction
   does one operation on a whole block. Instructions are int32:

       operation, destination, how many operands, operands...

   An operand is an index times 4 plus its kind: a register column, a scalar, or an input
   column. There are five sections: scalars before the batch, columns for each block, scalars after
   it, and two of scalars that neither need columns nor are needed by them. Threads that train
   compute these while they wait for each other: `meanwhile` all of them, and `beside`, of which
   only the first result is made, one of them. `check` looks at every instruction once, before any
   runs.

   Within an example every operation rounds as in Python: no fused multiply-add, no
   reordering. (Built once more with MG_FAST, it may fuse, and has the functions of fast.h.) Sums
   over the batch are made block by block, in a fixed order: a batch that is worth it is cut in two
   parts or eight, whose sums are added in the end, on however many threads.

   What an instruction does to a block is in kernels.h, the threads are in team.h, numbers come in
   by door.h; the functions of the table are in functions.h, translated from Python. What encodes
   a program is encode.py, what runs it backend.py. */

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wpsabi" /* vectors are passed within this file alone */
#endif
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stddef.h>
#include <structmember.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "functions.h"

/* What columns hold: float64, or built once more with MG_SINGLE float32, whose functions are
   still those of float64 and rounded afterwards. */
#if defined(MG_SINGLE)
typedef float num;
typedef int32_t whole; /* as wide */
#else
typedef double num;
typedef int64_t whole;
#endif

enum { COLUMN, SCALAR, INPUT, GROWING };
enum { ADD, SUB, MUL, DIV, NEG, RELU, GATE, DOTS, ADDN, TOTAL, OUTER, OUT, CALL, PYCALL,
       STRIDED, LAYER, LOGSUMEXP, LOOP, IF, UNLESS, MOVE, LOAD, STORE, OPS };
/* How many operands each takes; -1: see `check`. */
static const int ARITY[OPS] = {2, 2, 2, 2, 1, 1, 2, -1, -1, -1, -1, 1, -1, -1, 6, -1, -1,
                               -1, -1, 1, 1, 5, 6};
#define NONE (-1)
#define BLOCK 128 /* examples at once, where there are sums over the batch */

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && defined(__linux__)
#define CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define CLONES
#endif

typedef struct {
    const num *columns, *scalars, *inputs; /* where the three kinds of operands begin */
    Py_ssize_t width, stride; /* from one register column, one input column to the next */
    int first;                /* whether this is the first block: sums begin */
} Place;

static inline const num *at(const Place *p, int32_t r) {
    switch (r & 3) {
    case COLUMN: return p->columns + (Py_ssize_t)(r >> 2) * p->width;
    case SCALAR: return p->scalars + (r >> 2);
    default: return p->inputs + (Py_ssize_t)(r >> 2) * p->stride;
    }
}

#include "kernels.h"

/* Sections ---------------------------------------------------------------------------------- */

typedef struct {
    int32_t *code;
    Py_ssize_t size;
} Section;

static num ones[BLOCK]; /* a column, filled when the module is made */

/* An input among the columns that a Scratch knows: the next block has it elsewhere. */
typedef struct {
    const num **where;
    int32_t operand;
} Moving;

/* A sequence that grows turn by turn, where nobody knows before how many turns a loop takes. */
typedef struct {
    num *x;
    Py_ssize_t n, room;
} Growing;

/* Room for the operands of one instruction; and where the columns of LAYER, OUTER and TOTAL were
   when a section ran last. If it runs in the same place they are there again, but for inputs. */
typedef struct {
    const num **p;
    num *s;
    int *step;
    double *row;
    const num **columns;
    Moving *moving;
    Py_ssize_t n_moving;
    Place last;
    int64_t *turn, *turns; /* of each loop: the turn it is in, and how many it takes */
    Growing *growing;
    int64_t patience; /* turns until the keyboard is looked at again */
} Scratch;

static inline void put_column(Scratch *scratch, const Place *place, const num **where, int32_t r) {
    *where = r == NONE ? ones : at(place, r);
    if ((r & 3) == INPUT) scratch->moving[scratch->n_moving++] = (Moving){where, r};
}

/* Whether all columns are known; if not, `last` is set once they are. (Where scalars are, and
   whether sums begin, is asked for each time.) */
static int columns_known(Scratch *scratch, const Place *place) {
    Place *last = &scratch->last;
    if (last->columns != place->columns || last->width != place->width ||
        last->stride != place->stride) {
        *last = (Place){0};
        scratch->n_moving = 0;
        return 0;
    }
    if (last->inputs != place->inputs)
        for (Py_ssize_t i = 0; i < scratch->n_moving; i++)
            *scratch->moving[i].where = at(place, scratch->moving[i].operand);
    *last = *place;
    return 1;
}

/* What a thread needs for itself. Lines of the cache that one processor writes and another reads,
   step after step, cost both of them more time than much of the arithmetic. */
typedef struct {
    Scratch scratch;
    num *registers, *scalars;
    Py_ssize_t room; /* numbers that there is room for in registers */
} Worker;

/* A part of a batch, the examples `from` to `to`, and the sums over them: where several threads
   take steps together, those of two steps, as who is slow still reads the first. */
typedef struct {
    num *sums[2];
    Py_ssize_t from, to;
    int state;
} Part;

#define PARTS 8
#define SOME 64    /* examples from which a batch is cut in two */
#define LARGE 4096 /* and in eight: sums depend on these, and on BLOCK */

/* A batch: where its examples are and its outputs go, and how far it is to the next column. */
typedef struct {
    const num *inputs;
    num *out;
    Py_ssize_t n, stride, out_stride;
    Py_ssize_t block, width; /* examples at once, and numbers in a register */
    int parts;
} Batch;

typedef struct {
    PyObject_HEAD
    Section before, meanwhile, beside, each, after;
    num *scalars; /* those of the first worker */
    Py_ssize_t n_scalars, n_registers, n_inputs, n_outputs;
    Py_ssize_t first_parameter, n_parameters, count_at, first_sum, n_sums;
    int32_t *results;
    Py_ssize_t n_results, most_operands;
    Py_ssize_t n_columns; /* of LAYER, OUTER and TOTAL, all of them together */
    PyObject *functions; /* what only Python can compute */
    Py_ssize_t n_loops, n_growing;
    int64_t *checked; /* of each loop, while they are checked: its turns and one, -1 if unknown */
    double work;  /* about how many operations on numbers an example is */
    double alone; /* nanoseconds that a step of `fit` took on one thread, */
    Py_ssize_t alone_n; /* with so many examples */
    Batch batch;
    Part parts[PARTS];
    Worker *workers[PARTS]; /* each in lines of the cache that are its own */
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

/* What the instructions of a section work on. n lanes are computed, of which `real` are examples;
   the others repeat the last one, or what registers held: no sum and no output has them. */
typedef struct {
    Machine *m;
    const Place *place;
    num *registers, *scalars, *sums, *out;
    Py_ssize_t out_stride, n, real;
    int by_columns, known;
    Scratch *scratch;
    const num **columns;
} Run;

#include "loops.h"

static int run_code(Run *w, const int32_t *pc, const int32_t *end) {
    Machine *m = w->m;
    const Place *place = w->place;
    num *registers = w->registers, *scalars = w->scalars, *sums = w->sums, *out = w->out;
    Py_ssize_t out_stride = w->out_stride, n = w->n, real = w->real;
    int by_columns = w->by_columns, known = w->known;
    Scratch *scratch = w->scratch;
    const num **p = scratch->p, **columns = w->columns;
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
        if (!by_columns && op >= MOVE && quick_move(scratch, scalars, op, dst, r)) continue;
        if (!by_columns && op == CALL && mg_table[r[0]].arity == 1) {
            *dst = ((double (*)(double))mg_table[r[0]].call)(scalars[r[1] >> 2]);
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
            const num *start = r[0] == NONE ? &NOTHING : at(place, r[0]);
            if (!by_columns) {
                num a = *start;
                for (int i = 1; i < count; i += 2) a += scalars[r[i] >> 2] * scalars[r[i + 1] >> 2];
                *dst = a;
                break;
            }
            int k = (count - 1) / 2, scaled = 1, ss = r[0] != NONE && COL(0);
            for (int i = 0; i < k && scaled; i++) {
                scaled = !COL(2 * i + 1) && COL(2 * i + 2);
                s[i] = *at(place, r[2 * i + 1]);
                p[i] = at(place, r[2 * i + 2]);
            }
            if (scaled) {
                kernels.scaled(dst, start, ss, k, s, p, n);
                break;
            }
            for (int i = 0; i < 2 * k; i++) p[i] = at(place, r[i + 1]), step[i] = COL(i + 1);
            for (Py_ssize_t l = 0; l < n; l++) {
                num a = start[ss ? l : 0];
                for (int i = 0; i < k; i++)
                    a += p[2 * i][l * step[2 * i]] * p[2 * i + 1][l * step[2 * i + 1]];
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
            k_fill(dst, 0.0, n);
            for (int k = 0; k < count; k++) k_add(dst, dst, 1, at(place, r[k]), COL(k), n);
            break;
        case TOTAL: { /* columns, and for each the scalar that its sum goes to */
            int k = count / 2;
            for (int i = 0; i < k && !known; i++) put_column(scratch, place, columns + i, r[i]);
            kernels.totals(s, columns, k, real, n);
            columns += k;
            for (int i = 0; i < k; i++) {
                num *sum = sums + (r[k + i] - m->first_sum);
                *sum = (place->first ? 0 : *sum) + s[i];
            }
            break;
        }
        case OUTER: { /* how many d, how many x, whether the scalars are in rows; the columns d and
                         x, where NONE is one of ones; the scalars that their sums go to */
            int n_d = r[0], k = r[1];
            const int32_t *to = r + 3 + n_d + k;
            for (int i = 0; i < n_d + k && !known; i++)
                put_column(scratch, place, columns + i, r[3 + i]);
            Outer outer = {s, k, 1, columns, columns + n_d, n_d, k, place->first, real, n};
            columns += n_d + k;
            if (r[2]) {
                outer.to = sums + (to[0] - m->first_sum), outer.per_d = to[1], outer.per_x = to[2];
                kernels.outer(&outer);
                break;
            }
            outer.first = 1; /* of s, whatever the block */
            kernels.outer(&outer);
            for (int i = 0; i < n_d * k; i++) {
                num *sum = sums + (to[i] - m->first_sum);
                *sum = (place->first ? 0 : *sum) + s[i];
            }
            break;
        }
        case LAYER: { /* how many sums, how many columns, what then, whether the scalars are in rows;
                         the columns; result, start, gate of each sum; the scalars */
            int sums = r[0], k = r[1], then = r[2];
            const int32_t *each = r + 4 + k, *w = each + 3 * sums;
            const num **y = columns + k, **gate = y + sums;
            for (int i = 0; i < k && !known; i++)
                put_column(scratch, place, columns + i, r[4 + i]);
            for (int j = 0; j < sums && !known; j++) {
                y[j] = registers + (Py_ssize_t)each[3 * j] * place->width;
                if (then == WITH_GATE) put_column(scratch, place, gate + j, each[3 * j + 2]);
            }
            for (int j = 0; j < sums; j++)
                s[j] = each[3 * j + 1] == NONE ? NOTHING : scalars[each[3 * j + 1]];
            Layer layer = {sums, k, then, (num *const *)y, s, NULL, 0, 0, columns, gate};
            columns = gate + sums;
            if (r[3]) {
                layer.w = scalars + w[0], layer.per_sum = w[1], layer.per_column = w[2];
            } else {
                num *gathered = s + sums;
                for (int i = 0; i < sums * k; i++) gathered[i] = scalars[w[i]];
                layer.w = gathered, layer.per_sum = k, layer.per_column = 1;
            }
            kernels.layer(&layer, n);
            break;
        }
        case LOGSUMEXP: { /* index or NONE, top, the x, the exponentials */
            for (int k = 0; k < count; k++)
                if (r[k] == NONE) p[k] = NULL, step[k] = 0;
                else p[k] = at(place, r[k]), step[k] = COL(k);
            k_logsumexp(dst, p, step, count / 2 - 1, n, scratch->row);
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
        case STRIDED: { /* a simple operation on rows of scalars: which, a, step, b, step, length */
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
            if (op == CALL && by_columns && call_kernel(r[0], p, step, count - 1, dst, n)) break;
            int bad = op == CALL ? call_function(r[0], p, step, count - 1, dst, n, scratch->row)
                                 : call_python(PyTuple_GET_ITEM(m->functions, r[0]), p, step,
                                               count - 1, dst, n);
            if (bad) return -1;
            break;
        }
        case LOOP:
        case IF:
        case UNLESS:
        case MOVE:
        case LOAD:
        case STORE: {
            int state = run_loops(w, op, dst, pc[-2 - count], r, count);
            if (state) return state;
            break;
        }
        }
    }
    w->columns = columns;
    return 0;
#undef COL
}

static int run_section(Machine *m, const Section *section, const Place *place, num *registers,
                       num *scalars, num *sums, num *out, Py_ssize_t out_stride, Py_ssize_t n,
                       Py_ssize_t real, int by_columns, Scratch *scratch) {
    int known = by_columns && columns_known(scratch, place);
    Run work = {m, place, registers, scalars, sums, out, out_stride, n, real,
                 by_columns, known, scratch, scratch->columns};
    if (run_code(&work, section->code, section->code + section->size)) return -1;
    if (by_columns) scratch->last = *place;
    return 0;
}

/* How many parts: of many examples eight, of some two. Some without sums, which `map` has, stay
   in one piece: nobody waits for them over and over. */
static int parts_of(const Machine *m, Py_ssize_t n) {
    return n >= LARGE ? PARTS : n >= SOME && m->n_sums ? 2 : 1;
}

/* Examples that stay together: whole blocks, or of a batch in two parts whole vectors. */
static Py_ssize_t unit_of(int parts) { return parts == PARTS ? BLOCK : 8; }

/* The first example of a part. Their lengths differ by one unit at most: of two the second may be
   the longer one, since who has the first one has other work as well. */
static Py_ssize_t first_of(Py_ssize_t n, int parts, int i) {
    Py_ssize_t unit = unit_of(parts), first = (n + unit - 1) / unit * i / parts * unit;
    return first < n ? first : n;
}

/* How many examples the longest part has, as whole units. */
static Py_ssize_t most_of(Py_ssize_t n, int parts) {
    Py_ssize_t unit = unit_of(parts);
    return ((n + unit - 1) / unit + parts - 1) / parts * unit;
}

/* How many examples at once. A program without sums, with few registers, takes more. */
static Py_ssize_t block_of(const Machine *m) {
    if (m->n_sums || m->n_registers > 8) return BLOCK;
    return m->n_registers > 2 ? 2 * BLOCK : 8 * BLOCK;
}

static num *aligned(Py_ssize_t n) {
    void *got = NULL;
#if defined(_WIN32)
    got = malloc(n * sizeof(num));
#else
    if (posix_memalign(&got, 64, n * sizeof(num))) got = NULL;
#endif
    return got;
}

static void release(Scratch *scratch) {
    free(scratch->p);
    free(scratch->s);
    free(scratch->step);
    free(scratch->row);
    free(scratch->columns);
    free(scratch->moving);
    for (Py_ssize_t i = 0; scratch->growing && scratch->turns && i < scratch->turns[0]; i++)
        free(scratch->growing[i].x);
    free(scratch->growing);
    free(scratch->turn);
    free(scratch->turns);
    memset(scratch, 0, sizeof *scratch);
}

static int scratch_for(const Machine *m, Scratch *scratch) {
    Py_ssize_t most = m->most_operands + 1;
    if (scratch->columns) return 0;
    scratch->p = malloc(most * sizeof(num *));
    scratch->s = malloc(most * sizeof(num));
    scratch->step = malloc(most * sizeof(int));
    scratch->row = malloc(most * sizeof(double));
    scratch->columns = malloc((m->n_columns + 1) * sizeof(num *));
    scratch->moving = malloc((m->n_columns + 1) * sizeof(Moving));
    scratch->turn = calloc(m->n_loops + 1, sizeof(int64_t));
    scratch->turns = calloc(m->n_loops + 1, sizeof(int64_t));
    scratch->growing = calloc(m->n_growing + 1, sizeof(Growing));
    if (scratch->turns) scratch->turns[0] = m->n_growing; /* for `release`; loops begin at 1 */
    if (scratch->p && scratch->s && scratch->step && scratch->row && scratch->columns &&
        scratch->moving && scratch->turn && scratch->turns && scratch->growing)
        return 0;
    release(scratch);
    return -1;
}

/* Room for a thread that works on the batch to come. */
static int room_for(Machine *m, int worker) {
    Py_ssize_t need = m->n_registers * m->batch.width;
    Worker *w = m->workers[worker];
    if (!w) {
        w = m->workers[worker] = (Worker *)aligned((sizeof(Worker) + 127) / sizeof(num));
        if (!w) return -1;
        *w = (Worker){{0}};
    }
    if (!w->scalars) {
        if (!(w->scalars = worker ? aligned(m->n_scalars + 8) : m->scalars)) return -1;
        if (worker) memcpy(w->scalars, m->scalars, m->n_scalars * sizeof(num));
    }
    if (scratch_for(m, &w->scratch)) return -1;
    if (need <= w->room) return 0;
    free(w->registers);
    w->room = 0;
    w->registers = aligned(need);
    if (!w->registers) return -1;
    w->room = need;
    memset(w->registers, 0, need * sizeof(num));
    return 0;
}

/* Room for the sums of all parts: 0 for those of one step, 1 for those of the next. */
static int room_for_sums(Machine *m, int which) {
    for (int i = 0; i < m->batch.parts && m->batch.parts > 1; i++) {
        num **sums = &m->parts[i].sums[which];
        if (*sums) continue;
        if (!(*sums = aligned(m->n_sums + 8))) return -1;
        memset(*sums, 0, m->n_sums * sizeof(num)); /* should no instruction make one */
    }
    return 0;
}

/* The batch to come, in its parts. All of it belongs to this machine: who calls holds a lock. */
static int prepare(Machine *m, int parts, const num *inputs, Py_ssize_t stride, Py_ssize_t n,
                   num *out, Py_ssize_t out_stride) {
    Batch *b = &m->batch;
    *b = (Batch){inputs, out, n, stride, out_stride, block_of(m), 0, parts};
    Py_ssize_t most = most_of(n, parts);
    b->width = most < b->block ? most : b->block; /* whole vectors */
    for (int i = 0; i < parts; i++) {
        m->parts[i].from = first_of(n, parts, i);
        m->parts[i].to = first_of(n, parts, i + 1);
    }
    return room_for_sums(m, 0) || room_for(m, 0) ? -1 : 0;
}

#include "team.h"

/* A section of scalars: -1 for an error of Python's. */
static int run_scalars(Machine *m, Worker *w, const Section *section) {
    if (!section->size) return 0;
    Place place = {NULL, w->scalars, NULL, 0, 0, 1};
    return run_section(m, section, &place, NULL, w->scalars, NULL, NULL, 0, 1, 1, 0, &w->scratch);
}

/* A part of the batch: -1 for an error of Python's. */
static int run_part(Machine *m, Worker *w, int i, int which) {
    const Batch *b = &m->batch;
    const Part *part = &m->parts[i];
    num *sums = b->parts > 1 ? part->sums[which] : w->scalars + m->first_sum;
    Place place = {w->registers, w->scalars, NULL, b->width, b->stride, 0};
    for (Py_ssize_t from = part->from; from < part->to; from += b->block) {
        Py_ssize_t real = part->to - from < b->block ? part->to - from : b->block;
        Py_ssize_t padded = (real + 7) / 8 * 8; /* the input columns reach that far */
        if (from + padded > b->stride) padded = real;
        place.inputs = b->inputs + from;
        place.first = from == part->from;
        if (run_section(m, &m->each, &place, w->registers, w->scalars, sums,
                        b->out ? b->out + from : NULL, b->out_stride, padded, real, 1, &w->scratch))
            return -1;
    }
    return 0;
}

/* The sums over the whole batch, where that is not one part. */
static void add_parts(const Machine *m, Worker *w, int which) {
    num *sums = w->scalars + m->first_sum;
    for (int i = 1; i < m->batch.parts; i++)
        k_add(sums, i == 1 ? m->parts[0].sums[which] : sums, 1, m->parts[i].sums[which], 1,
              m->n_sums);
}

/* Parts of a batch that is there once: who has nothing to do takes the next one. */
static void take_parts(void *given, Team *team, int worker) {
    Machine *m = given;
    Worker *w = m->workers[worker];
    if (worker) memcpy(w->scalars, m->scalars, m->n_scalars * sizeof(num));
    for (int i = next_piece(team); i < m->batch.parts; i = next_piece(team)) {
        mg_refused = 0;
        Part *part = &m->parts[i];
        part->state = run_part(m, w, i, 0) ? -1 : mg_refused;
        if (part->state < 0) return; /* then there is no worker */
    }
}

/* The whole batch that was prepared: -1 for an error of Python's, 1 where a number was refused. */
static int run_batch(Machine *m, int threads) {
    Batch *b = &m->batch;
    Worker *w = m->workers[0];
    if (m->count_at >= 0) w->scalars[m->count_at] = (num)b->n;
    if (!b->n) /* otherwise the first block gives them a value */
        for (Py_ssize_t i = 0; i < m->n_sums; i++) w->scalars[m->first_sum + i] = 0.0;
    mg_refused = 0;
    if (run_scalars(m, w, &m->before) || run_scalars(m, w, &m->meanwhile) ||
        run_scalars(m, w, &m->beside))
        return -1;
    int refused = mg_refused;
    Team team;
    int workers = workers_for(&team, threads, m, 1);
    for (int i = 1; i <= workers; i++)
        if (room_for(m, i)) workers = 0;
    begin(&team, workers, take_parts, m);
    take_parts(m, &team, 0);
    end(&team, m, 0);
    for (int i = 0; i < b->parts; i++) {
        if (m->parts[i].state < 0) return -1;
        refused |= m->parts[i].state;
    }
    add_parts(m, w, 0);
    mg_refused = 0;
    if (run_scalars(m, w, &m->after)) return -1;
    return refused | mg_refused ? 1 : 0;
}

/* Steps of an optimizer. `columns` are, for each thread and for even and odd steps: gradients,
   parameters and states as a step finds them, but for the gradients, which are its own. */
typedef struct {
    Machine *m, *u;
    const num *inputs; /* of all examples, of which `order` lists those of each step, or is NULL */
    num *gathered;     /* of those of one step */
    const int32_t *order;
    const num *coefficients;
    num *losses;
    Py_ssize_t steps, batch, n;     /* n: parameters */
    Py_ssize_t stride, room, padded; /* to the next column of inputs, `gathered`, `columns` */
    int row;                        /* whether the sums of gradients stand side by side */
    num *columns[PARTS][2];
    Py_ssize_t size;       /* of all columns of a thread, in bytes */
    Py_ssize_t done, last; /* steps that were taken, and the last whose gradients are there */
} Training;

/* Room for the columns of a thread. */
static int room_to_train(Training *t, int worker) {
    for (int odd = 0; odd < 2; odd++) {
        num **columns = &t->columns[worker][odd];
        if (!(*columns = aligned(t->size / sizeof(num) + 8))) return -1;
        memset(*columns, 0, t->size);
    }
    return 0;
}

/* The examples of a part, where they belong in `gathered`. */
static void gather(const Training *t, Py_ssize_t step, const Part *part) {
    const int32_t *index = t->order + step * t->batch;
    for (Py_ssize_t k = 0; k < t->m->n_inputs; k++) {
        const num *from = t->inputs + k * t->stride;
        num *to = t->gathered + k * t->room;
        for (Py_ssize_t i = part->from; i < part->to; i++) to[i] = from[index[i]];
        for (Py_ssize_t i = t->batch; part->to == t->batch && i < t->room; i++)
            to[i] = to[t->batch - 1];
    }
}

/* From the sums of the gradients over a batch the new parameters and states: whether a gradient
   was not a number, or a number refused. */
static int run_update(const Training *t, Worker *w, const num *sums, num *now, num *next) {
    Machine *u = t->u;
    Place place = {w->registers, w->scalars, NULL, u->batch.width, t->padded, 1};
    int bad = run_scalars(u, w, &u->before);
    for (Py_ssize_t from = 0; from < t->n && !bad; from += u->batch.block) {
        Py_ssize_t real = t->n - from < u->batch.block ? t->n - from : u->batch.block;
        place.inputs = now + from;
        bad = kernels.mean(now + from, sums + from, t->batch, real) ||
              run_section(u, &u->each, &place, w->registers, w->scalars, NULL,
                          next + t->padded + from, t->padded, (real + 7) / 8 * 8, real, 1,
                          &w->scratch);
    }
    return bad | mg_refused;
}

/* All threads take all steps: each computes its parts of a batch, and then, from the sums of all
   parts, the same update as everybody else; so they have to meet but once. What goes wrong ends it
   for the coordinator, which sends the others away. */
static void train(void *given, Team *team, int worker) {
    Training *t = given;
    Machine *m = t->m, *u = t->u;
    Worker *w = m->workers[worker], *v = u->workers[worker];
    num *used = w->scalars + m->first_parameter, **columns = t->columns[worker];
    Py_ssize_t step = worker ? first_epoch(team) : 0, last = 0;
    if (step < 0) return;
    if (worker) memcpy(columns[step & 1], t->columns[0][step & 1], t->size);
    memcpy(used, columns[step & 1] + t->padded, t->n * sizeof(num));
    if (m->count_at >= 0) w->scalars[m->count_at] = (num)t->batch;
    for (; step < t->steps; step++) {
        num *now = columns[step & 1], *next = columns[~step & 1];
        int threads = threads_at(team, worker, step), which = threads > 1 ? step & 1 : 0;
        int parts = m->batch.parts, end = parts * (worker + 1) / threads;
        mg_refused = 0;
        int bad = run_scalars(m, w, &m->before);
        for (int i = parts * worker / threads; i < end && !bad; i++) {
            if (t->order) gather(t, step, &m->parts[i]);
            bad = run_part(m, w, i, which);
        }
        arrive(team, worker, threads, step, bad || mg_refused);
        /* What goes wrong here goes wrong for all, or for the loss alone: nobody need be told. */
        bad = bad || run_scalars(m, w, &m->meanwhile) || (!worker && run_scalars(m, w, &m->beside));
        bad = meet(team, worker, threads, step, bad || mg_refused);
        if (bad && (!worker || bad & LEAVE)) break;
        add_parts(m, w, which);
        bad = run_scalars(m, w, &m->after) || mg_refused;
        num loss = w->scalars[m->results[0]] / (num)t->batch; /* who helps does not know it */
        if (!worker && (bad || loss != loss)) break;
        const num *sums = t->n ? w->scalars + m->results[1] : NULL;
        if (!t->row) {
            for (Py_ssize_t i = 0; i < t->n; i++) next[i] = w->scalars[m->results[i + 1]];
            sums = next; /* where its gradients will be, which this step does not write */
        }
        memcpy(v->scalars + u->first_parameter, t->coefficients + step * u->n_parameters,
               u->n_parameters * sizeof(num));
        last = step;
        bad = run_update(t, v, sums, now, next);
        if (bad && !worker) break;
        memcpy(used, next + t->padded, t->n * sizeof(num));
        if (!worker) t->losses[step] = loss;
    }
    if (!worker) t->done = step, t->last = last;
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

/* The least and the largest of base + i * a + j * b for i < rows and j < k. */
static void range_of(const int32_t *row, int64_t rows, int64_t k, int64_t *low, int64_t *high) {
    int64_t a = (rows - 1) * row[1], b = (k - 1) * row[2];
    *low = row[0] + (a < 0 ? a : 0) + (b < 0 ? b : 0);
    *high = row[0] + (a > 0 ? a : 0) + (b > 0 ? b : 0);
}

/* Whether all of these are among the `many` from `first` on. */
static int in_rows(const int32_t *row, int64_t rows, int64_t k, Py_ssize_t first, Py_ssize_t many) {
    int64_t low, high;
    range_of(row, rows, k, &low, &high);
    return low >= first && high < first + many;
}

/* OUTER and LAYER, whose operands include tables: what is wrong with them, or NULL. */
static const char *check_table(const Machine *m, int op, const int32_t *r, int32_t count) {
    int head = op == OUTER ? 3 : 4;
    if (count < head) return "an instruction is cut off";
    int64_t rows = r[0], k = r[1], in_a_row = r[head - 1];
    if (rows < 1 || k < 1 || rows > count || k > count) return "a table of no size";
    if (in_a_row >> 1) return "a table of no kind";
    int64_t columns = op == OUTER ? rows + k : k, each = op == OUTER ? 0 : 3 * rows;
    int64_t table = head + columns + each;
    if (count != table + (in_a_row ? 3 : rows * k)) return "a wrong number of operands";
    for (int64_t i = head; i < head + columns; i++)
        if (!(op == OUTER && r[i] == NONE) && ((r[i] & 3) == SCALAR || !fits(m, r[i], 1)))
            return "a scalar where a column belongs";
    Py_ssize_t first = op == OUTER ? m->first_sum : 0, many = op == OUTER ? m->n_sums : m->n_scalars;
    if (in_a_row && !in_rows(r + table, rows, k, first, many)) return "a table out of range";
    for (int64_t i = table; i < count && !in_a_row; i++)
        if (r[i] < first || r[i] >= first + many) return "a table out of range";
    if (op == OUTER) return NULL;
    if (r[2] < PLAINLY || r[2] > WITH_GATE) return "there is no such operation";
    for (const int32_t *e = r + head + columns; e < r + table; e += 3) {
        if (e[0] < 0 || e[0] >= m->n_registers) return "a destination out of range";
        if (e[1] != NONE && (e[1] < 0 || e[1] >= m->n_scalars)) return "an operand out of range";
        if (r[2] == WITH_GATE && ((e[2] & 3) == SCALAR || !fits(m, e[2], 1)))
            return "a scalar where a column belongs";
    }
    return NULL;
}

static const char *check_loops(Machine *, int, int32_t, const int32_t *, int32_t, int, int);

static const char *check_code(Machine *m, const int32_t *pc, const int32_t *end, int by_columns,
                              int depth) {
    while (pc < end) {
        if (end - pc < 3) return "an instruction is cut off";
        int32_t op = pc[0], dst = pc[1], count = pc[2];
        if (op < 0 || op >= OPS) return "there is no such operation";
        if (count < 0 || count > end - pc - 3) return "an instruction is cut off";
        if (ARITY[op] >= 0 && count != ARITY[op]) return "a wrong number of operands";
        Py_ssize_t room = by_columns ? m->n_registers : m->n_scalars;
        if (op == OUT) room = m->n_outputs;
        if (op == TOTAL || op == OUTER || op == LAYER) room = 1;
        if (op >= LOOP && op != MOVE && op != LOAD) room = INT32_MAX; /* `check_loops` knows */
        if (depth && (op == TOTAL || op == OUTER || op == LAYER || op == OUT || op == STRIDED))
            return "an instruction that is not for loops";
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
            last = 0;
        }
        if (op == TOTAL) {
            if (count < 2 || count % 2) return "a wrong number of operands";
            last = count / 2;
            for (int i = 0; i < last; i++)
                if ((r[i] & 3) == SCALAR) return "a sum over the batch of a scalar";
            for (int i = last; i < count; i++)
                if (r[i] < m->first_sum || r[i] >= m->first_sum + m->n_sums)
                    return "a destination out of range";
        }
        if (op == LOGSUMEXP) {
            if (count < 4 || count % 2) return "a wrong number of operands";
            if (r[0] == NONE) first = 1;
        }
        if (op >= LOOP && op != MOVE) {
            const char *wrong = check_loops(m, op, dst, r, count, by_columns, depth);
            if (wrong) return wrong;
            pc += 3 + count;
            continue;
        }
        if (op == STRIDED) {
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
        int table = op == LAYER || op == OUTER;
        if (by_columns) m->work += table ? (double)r[0] * r[1] : op == CALL ? 10 : 1 + count / 2;
        if (op == LAYER) m->n_columns += r[1] + 2 * r[0];
        if (op == OUTER) m->n_columns += r[0] + r[1];
        if (op == TOTAL) m->n_columns += last;
        pc += 3 + count;
    }
    return NULL;
}

/* Whether the numbers of a sequence are all there: `n` of them, or any number if it grows. */
static int sequence_fits(const Machine *m, int32_t r, int64_t n, int by_columns) {
    if (r < 0) return 0;
    int64_t last = (int64_t)(r >> 2) + n;
    switch (r & 3) {
    case COLUMN: return by_columns && n >= 0 && last <= m->n_registers;
    case SCALAR: return n >= 0 && last <= m->n_scalars;
    case INPUT: return by_columns && n >= 0 && last <= m->n_inputs;
    default: return !by_columns && (r >> 2) < m->n_growing;
    }
}

/* LOOP, IF, UNLESS, LOAD, STORE: what is wrong with them, or NULL. How many turns a loop takes is
   kept in `turns` of the first worker's scratch, and so is known for what stands in it. */
static const char *check_loops(Machine *m, int op, int32_t dst, const int32_t *r, int32_t count,
                               int by_columns, int depth) {
    int64_t *turns = m->checked;
    if (depth > 100) return "loops in loops without end";
    switch (op) {
    case LOOP: {
        if (count < 3 || r[0] < NONE || r[2] < 1 || r[2] > m->n_loops)
            return "a loop that cannot be";
        if (turns[r[2]] != 0) return "a loop that is there twice";
        if (r[1] != NONE && (by_columns || r[0] != NONE || r[1] < 0 || r[1] >= m->n_growing))
            return "a loop of no length";
        turns[r[2]] = r[0] == NONE ? -1 : r[0] + 1;
        double work = m->work;
        const char *wrong = check_code(m, r + 3, r + count, by_columns, depth + 1);
        turns[r[2]] = -2;
        m->work += (m->work - work) * (r[0] == NONE ? 9 : r[0] ? r[0] - 1 : 0);
        return wrong;
    }
    case IF: {
        if (count < 2 || r[1] < 0 || r[1] > count - 2 || !fits(m, r[0], by_columns) || by_columns)
            return "a branch that cannot be";
        const char *wrong = check_code(m, r + 2, r + 2 + r[1], by_columns, depth + 1);
        return wrong ? wrong : check_code(m, r + 2 + r[1], r + count, by_columns, depth + 1);
    }
    case UNLESS:
        return depth && !by_columns && fits(m, r[0], by_columns) ? NULL : "nothing to leave";
    }
    /* LOAD: sequence, loop, entries, whether from the end, their size; STORE: what is put first. */
    const int32_t *q = r + (op == STORE);
    int64_t size = q[4], grows = (q[0] & 3) == GROWING;
    if (size < 1 || size > 1 << 28 || q[2] < 0 || (grows && size > 1)) return "an entry of no size";
    if (op == STORE && !sequence_fits(m, r[0], size, by_columns)) return "an operand out of range";
    if (op == STORE && (r[0] & 3) == GROWING) return "an operand out of range";
    if (op == LOAD && dst + size > (by_columns ? m->n_registers : m->n_scalars))
        return "a destination out of range";
    if (q[1] < 1 || q[1] > m->n_loops || turns[q[1]] == 0 || turns[q[1]] == -2)
        return "no loop to count";
    if (!sequence_fits(m, q[0], q[2] * size, by_columns)) return "a sequence out of range";
    if (!grows && (turns[q[1]] < 0 || turns[q[1]] - 1 > q[2]))
        return "a sequence shorter than its loop";
    if (op == STORE && ((q[0] & 3) == INPUT || (by_columns && (q[0] & 3) == SCALAR)))
        return "a destination out of range";
    return NULL;
}

static const char *check(Machine *m, const Section *section, int by_columns) {
    return check_code(m, section->code, section->code + section->size, by_columns, 0);
}

/* The Python side --------------------------------------------------------------------------- */

#include "door.h"

static int take(Section *section, const Py_buffer *b) {
    section->size = b->len / (Py_ssize_t)sizeof(int32_t);
    section->code = malloc(b->len ? b->len : 1);
    if (!section->code) return -1;
    memcpy(section->code, b->buf, b->len);
    return 0;
}

static void machine_free(Machine *m) {
    free(m->before.code);
    free(m->meanwhile.code);
    free(m->beside.code);
    free(m->each.code);
    free(m->after.code);
    free(m->results);
    free(m->checked);
    for (int i = 0; i < PARTS; i++) {
        Worker *w = m->workers[i];
        free(m->parts[i].sums[0]);
        free(m->parts[i].sums[1]);
        if (!w) continue;
        release(&w->scratch);
        free(w->registers);
        if (w->scalars != m->scalars) free(w->scalars);
        free(w);
    }
    free(m->scalars);
    Py_XDECREF(m->functions);
    PyTypeObject *type = Py_TYPE(m);
    type->tp_free((PyObject *)m);
    Py_DECREF(type);
}

static PyObject *machine_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"before", "meanwhile", "beside", "each", "after", "scalars", "results",
                            "registers", "inputs", "outputs", "first_parameter", "parameters",
                            "count_at", "first_sum", "sums", "functions", "loops", "growing", NULL};
    Py_buffer b[7] = {{0}};
    Py_ssize_t registers, inputs, outputs, first_parameter, parameters, count_at, first_sum, sums;
    Py_ssize_t loops = 0, growing = 0;
    PyObject *functions;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "y*y*y*y*y*y*y*nnnnnnnnO!|nn", names, &b[0], &b[1],
                                     &b[2], &b[3], &b[4], &b[5], &b[6], &registers, &inputs,
                                     &outputs, &first_parameter, &parameters, &count_at, &first_sum,
                                     &sums, &PyTuple_Type, &functions, &loops, &growing))
        return NULL;
    const char *wrong = NULL;
    Machine *m = (Machine *)type->tp_alloc(type, 0);
    if (m) {
        m->n_scalars = b[5].len / (Py_ssize_t)sizeof(num);
        m->n_results = b[6].len / (Py_ssize_t)sizeof(int32_t);
        m->n_registers = registers, m->n_inputs = inputs, m->n_outputs = outputs;
        m->first_parameter = first_parameter, m->n_parameters = parameters;
        m->count_at = count_at, m->first_sum = first_sum, m->n_sums = sums;
        m->functions = Py_NewRef(functions);
        if (loops < 0 || growing < 0 || loops > 1 << 20 || growing > 1 << 20) loops = growing = 0;
        m->n_loops = loops, m->n_growing = growing;
        m->checked = calloc(loops + 1, sizeof(int64_t));
        m->scalars = aligned(m->n_scalars + 8);
        m->results = malloc(b[6].len ? b[6].len : 1);
        if (!m->scalars || !m->results || !m->checked || take(&m->before, &b[0]) ||
            take(&m->meanwhile, &b[1]) || take(&m->beside, &b[2]) || take(&m->each, &b[3]) ||
            take(&m->after, &b[4])) {
            PyErr_NoMemory();
            Py_CLEAR(m);
        } else {
            memcpy(m->scalars, b[5].buf, b[5].len);
            memcpy(m->results, b[6].buf, b[6].len);
            Py_ssize_t n = m->n_scalars;
            if (registers < 0 || inputs < 0 || outputs < 0 || first_parameter < 0 ||
                parameters < 0 || parameters > n - first_parameter || count_at >= n ||
                first_sum < 0 || sums < 0 || sums > n - first_sum || registers > 1 << 28 ||
                inputs > 1 << 28 || outputs > 1 << 28)
                wrong = "a size out of range";
            for (Py_ssize_t i = 0; i < m->n_results && !wrong; i++)
                if (m->results[i] < 0 || m->results[i] >= n) wrong = "a result out of range";
            if (!wrong) wrong = check(m, &m->before, 0);
            if (!wrong) wrong = check(m, &m->meanwhile, 0);
            if (!wrong) wrong = check(m, &m->beside, 0);
            if (!wrong) wrong = check(m, &m->each, 1);
            if (!wrong) wrong = check(m, &m->after, 0);
            if (wrong) {
                PyErr_Format(PyExc_ValueError, "this is no program for the machine: %s", wrong);
                Py_CLEAR(m);
            }
        }
    }
    for (int i = 0; i < 7; i++) PyBuffer_Release(&b[i]);
    return (PyObject *)m;
}

/* Whether a buffer holds at least so many numbers. */
static int holds(const Py_buffer *b, Py_ssize_t many, const char *what) {
    if (b->len / (Py_ssize_t)sizeof(num) >= many) return 1;
    PyErr_Format(PyExc_ValueError, "the machine needs %zd numbers as %s, not %zd", many, what,
                 b->len / (Py_ssize_t)sizeof(num));
    return 0;
}

/* Whether so many rows of so many numbers are more than any buffer has. */
static int too_many(Py_ssize_t rows, Py_ssize_t length) {
    return rows && length > PY_SSIZE_T_MAX / 16 / rows;
}

/* 0, or 1 where a number was refused, 2 where a result is nan; below 0 with an exception. The
   parameters are in their place. */
static int run_on(Machine *m, const num *inputs, Py_ssize_t n, Py_ssize_t stride, num *results,
                  num *outputs, int mean) {
    if (prepare(m, parts_of(m, n), inputs, stride, n, outputs, n)) {
        PyErr_NoMemory();
        return -1;
    }
    /* `call` takes no lock: what it may run keeps the interpreter's. */
    int gil = PyTuple_GET_SIZE(m->functions) || !m->each.size;
    int threads = processors();
    PyThreadState *saved = gil ? NULL : PyEval_SaveThread();
    int state = run_batch(m, threads);
    if (saved) PyEval_RestoreThread(saved);
    for (Py_ssize_t i = 0; i < m->n_results; i++) {
        results[i] = m->scalars[m->results[i]];
        if (results[i] != results[i] && state == 0) state = 2;
        /* A gradient has no -0.0, as in .grad. */
        if (mean) results[i] = (num)((double)results[i] / (double)n + (i ? 0.0 : -0.0));
    }
    if (state < 0 && !PyErr_Occurred()) PyErr_NoMemory();
    return state;
}

PyDoc_STRVAR(run_doc,
             "run(parameters, inputs, n, stride, results, outputs)\n--\n\n"
             "0, or 1 where a number was refused, 2 where a result is nan. Fills results and outputs.\n"
             "All are buffers of numbers; `inputs` has a column of `stride` numbers for each input, of which n count.");

static PyObject *machine_run(Machine *m, PyObject *args) {
    Py_buffer parameters, inputs, results, outputs;
    Py_ssize_t n, stride;
    if (!PyArg_ParseTuple(args, "y*y*nnw*w*", &parameters, &inputs, &n, &stride, &results, &outputs))
        return NULL;
    int state = -1;
    if (n < 0 || stride < n) {
        PyErr_SetString(PyExc_ValueError, "the machine: a column is shorter than the batch");
    } else if (too_many(1, stride) || too_many(m->n_inputs, stride) || too_many(m->n_outputs, n)) {
        PyErr_SetString(PyExc_ValueError, "the machine: there are not that many numbers");
    } else if (holds(&parameters, m->n_parameters, "parameters") &&
               holds(&inputs, m->n_inputs * stride, "inputs") &&
               holds(&results, m->n_results, "results") &&
               holds(&outputs, m->n_outputs * n, "outputs")) {
        memcpy(m->scalars + m->first_parameter, parameters.buf, m->n_parameters * sizeof(num));
        state = run_on(m, inputs.buf, n, stride, results.buf, outputs.buf, 0);
    }
    PyBuffer_Release(&parameters);
    PyBuffer_Release(&inputs);
    PyBuffer_Release(&results);
    PyBuffer_Release(&outputs);
    return state < 0 ? NULL : PyLong_FromLong(state);
}

PyDoc_STRVAR(answer_doc,
             "answer(columns, values, results, outputs, mean)\n--\n\n"
             "As `run`, for Columns and a list of Values; results are sums, or means. Where a program is\n"
             "for one example alone, its inputs are the first of the parameters.");

static PyObject *machine_answer(Machine *m, PyObject *const *args, Py_ssize_t n_args) {
    if (n_args != 5 || (PyObject *)Py_TYPE(args[0]) != columns_type || !PyList_Check(args[1])) {
        PyErr_SetString(PyExc_TypeError, "the machine: columns, values, two buffers and a bool are needed");
        return NULL;
    }
    const Columns *c = (const Columns *)args[0];
    Py_ssize_t first = m->n_inputs ? 0 : c->inputs;
    if ((m->n_inputs && c->inputs != m->n_inputs) ||
        m->n_parameters != first + PyList_GET_SIZE(args[1])) {
        PyErr_SetString(PyExc_ValueError, "the machine: a wrong number of numbers");
        return NULL;
    }
    Py_buffer results = {0}, outputs = {0};
    int state = -1;
    if (!PyObject_GetBuffer(args[2], &results, PyBUF_WRITABLE) &&
        !PyObject_GetBuffer(args[3], &outputs, PyBUF_WRITABLE) &&
        holds(&results, m->n_results, "results") &&
        holds(&outputs, m->n_outputs * c->n, "outputs")) {
        num *parameters = m->scalars + m->first_parameter;
        for (Py_ssize_t i = 0; i < first; i++) parameters[i] = c->data[i * c->stride];
        if (!read_values(args[1], parameters + first))
            state = run_on(m, c->data, c->n, c->stride, results.buf, outputs.buf,
                           PyObject_IsTrue(args[4]));
    }
    PyBuffer_Release(&results);
    PyBuffer_Release(&outputs);
    return state < 0 ? NULL : PyLong_FromLong(state);
}

PyDoc_STRVAR(fit_doc,
             "fit(update, columns, inputs, n, stride, order, batch, steps, coefficients, losses)\n--\n\n"
             "How many steps were taken: all, or fewer where the loss or a gradient was not a number\n"
             "or one was refused. This machine gives the sums of the loss and of its gradient over a\n"
             "batch; `update` the new parameters and states from `columns`: gradients, parameters,\n"
             "states, one after the other. `order` lists the examples of each step (int32), or is\n"
             "empty for all of them.");

static PyObject *machine_fit(Machine *m, PyObject *args) {
    Machine *u;
    Py_buffer columns, inputs, order, coefficients, losses;
    Py_ssize_t n, stride, batch, steps;
    if (!PyArg_ParseTuple(args, "O!w*y*nny*nny*w*", Py_TYPE(m), &u, &columns, &inputs, &n, &stride,
                          &order, &batch, &steps, &coefficients, &losses))
        return NULL;
    Py_ssize_t np = m->n_parameters, kinds = u->n_outputs, padded = (np + 7) / 8 * 8;
    Py_ssize_t room = batch < PY_SSIZE_T_MAX - 7 ? (batch + 7) / 8 * 8 : 0;
    int ok = 0;
    if (n < 1 || stride < n || batch < 1 || batch > n || steps < 0 || (!order.len && batch != n) ||
        kinds < 1 || u->n_inputs != kinds + 1 || m->n_results != np + 1 || m->n_outputs ||
        u->n_sums || u->meanwhile.size || u->beside.size || u->after.size) {
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
    Training t = {m, u};
    Team team;
    int workers = 0;
    if (ok) {
        t.order = order.len ? order.buf : NULL, t.inputs = inputs.buf, t.stride = stride;
        t.coefficients = coefficients.buf, t.losses = losses.buf, t.steps = steps;
        t.batch = batch, t.room = room, t.n = np, t.padded = padded, t.row = 1;
        t.size = (kinds + 1) * padded * sizeof(num);
        for (Py_ssize_t i = 0; i < np; i++) t.row &= m->results[i + 1] == m->results[1] + i;
        if (t.order) t.gathered = aligned(m->n_inputs * room + 8);
        if ((t.order && !t.gathered) || room_to_train(&t, 0) ||
            prepare(m, parts_of(m, batch), t.order ? t.gathered : t.inputs, t.order ? room : stride,
                    batch, NULL, 0) ||
            prepare(u, 1, NULL, padded, np, NULL, 0)) {
            PyErr_NoMemory();
            ok = 0;
        }
    }
    if (ok) {
        int gil = PyTuple_GET_SIZE(m->functions) || PyTuple_GET_SIZE(u->functions);
        int threads = gil ? 1 : processors();
        PyThreadState *saved = gil ? NULL : PyEval_SaveThread();
        for (int odd = 0; odd < 2; odd++) memcpy(t.columns[0][odd], columns.buf, t.size);
        workers = workers_for(&team, threads, m, (double)steps);
        if (workers && room_for_sums(m, 1)) workers = 0;
        for (int i = 1; i <= workers; i++)
            if (room_for(m, i) || room_for(u, i) || room_to_train(&t, i)) workers = i - 1;
        begin(&team, workers, train, &t);
        train(&t, &team, 0);
        end(&team, m, t.done);
        num *found = columns.buf;
        memcpy(found, t.columns[0][t.last & 1], padded * sizeof(num));
        memcpy(found + padded, t.columns[0][t.done & 1] + padded, t.size - padded * sizeof(num));
        if (saved) PyEval_RestoreThread(saved);
    }
    free(t.gathered);
    for (int i = 0; i < PARTS; i++)
        for (int odd = 0; odd < 2; odd++) free(t.columns[i][odd]);
    PyBuffer_Release(&columns);
    PyBuffer_Release(&inputs);
    PyBuffer_Release(&order);
    PyBuffer_Release(&coefficients);
    PyBuffer_Release(&losses);
    return ok && !PyErr_Occurred() ? PyLong_FromSsize_t(t.done) : NULL;
}

/* One example, all of it scalars: the numbers as arguments, a float back; None if refused. */
PyDoc_STRVAR(call_doc, "call(*numbers)\n--\n\nThe first result; None where a number was refused.");

static PyObject *machine_call(Machine *m, PyObject *const *args, Py_ssize_t n) {
    if (n != m->n_parameters || !m->n_results || m->meanwhile.size || m->beside.size ||
        m->each.size || m->after.size || PyTuple_GET_SIZE(m->functions)) {
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
    int small = m->most_operands < 64 && !m->n_loops;
    double row[64];
    if (small) scratch.p = p, scratch.s = s, scratch.step = step, scratch.row = row;
    else if (m->n_loops) { /* whose sequences keep their room */
        if ((!m->workers[0] || !m->workers[0]->scratch.columns) &&
            prepare(m, 1, NULL, 0, 0, NULL, 0))
            return PyErr_NoMemory();
        scratch = m->workers[0]->scratch;
    } else if (scratch_for(m, &scratch)) {
        release(&scratch);
        return PyErr_NoMemory();
    }
    Place place = {NULL, m->scalars, NULL, 0, 0, 1};
    mg_refused = 0;
    int bad = run_section(m, &m->before, &place, NULL, m->scalars, NULL, NULL, 0, 1, 1, 0, &scratch);
    if (m->n_loops) m->workers[0]->scratch.patience = scratch.patience;
    else if (!small) release(&scratch);
    if (bad) return PyErr_Occurred() ? NULL : PyErr_NoMemory();
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
    {"answer", (PyCFunction)(void (*)(void))machine_answer, METH_FASTCALL, answer_doc},
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
    columns_type = PyType_FromSpec(&columns_spec);
    if (!columns_type) return -1;
    for (int i = 0; i < BLOCK; i++) ones[i] = 1.0;
    choose_kernels(NULL);
    if (!find_kernels()) {
        PyErr_SetString(PyExc_SystemError, "a kernel of a function that is not in the table");
        return -1;
    }
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

PyDoc_STRVAR(use_doc, "use(name)\n--\n\n"
                      "Take the kernels for vectors of a kind of processor, where this one is of it: plain,\n"
                      "avx2 or avx512. Whether that was so; results depend on it only where fastmath may fuse.");

static PyObject *use(PyObject *module, PyObject *given) {
    const char *name = PyUnicode_AsUTF8(given);
    if (!name) return NULL;
    int found = choose_kernels(name);
    if (found) find_kernels();
    return PyBool_FromLong(found);
}

static PyMethodDef module_methods[] = {{"columns", columns, METH_O, columns_doc},
                                       {"example", example, METH_O, example_doc},
                                       {"knows", knows, METH_O, knows_doc},
                                       {"shuffled", shuffled, METH_VARARGS, shuffled_doc},
                                       {"use", use, METH_O, use_doc},
                                       {NULL}};

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
