/* The instructions of machine.c and what runs them: one section, over one block.

   What an instruction does to a block is in kernels.h and vectors.h, what it does to tables of
   scalars in scalars.h, loops and branches are in loops.h. Read batch.h next: a whole batch, and
   steps of training. */

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
/* Flags of LAYER and OUTER: their scalars are in rows; of OUTER: others come before it whose sums
   go to the same scalars. */
enum { IN_ROWS = 1, GOING_ON = 2 };
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
    *where = at(place, r);
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
    Py_ssize_t width; /* numbers in a register: whole vectors */
    int parts;
} Batch;

typedef struct {
    PyObject_HEAD
    Section before, each, after;
    num *scalars; /* those of the first worker */
    Py_ssize_t n_scalars, n_registers, n_inputs, n_outputs;
    Py_ssize_t first_parameter, n_parameters, count_at, first_sum, n_sums;
    int single; /* for one example alone: its inputs are scalars, those before the parameters */
    int32_t *results;
    Py_ssize_t n_results, most_operands;
    int in_a_row; /* whether all results but the first stand side by side */
    Py_ssize_t n_columns; /* of LAYER, OUTER and TOTAL, all of them together */
    PyObject *functions; /* what only Python can compute */
    Py_ssize_t n_loops, n_growing;
    int64_t *checked; /* of each loop, while they are checked: its turns and one, -1 if unknown */
    double work;  /* about how many operations on numbers an example is */
    double alone; /* nanoseconds that a step of `fit` took on one thread, */
    Py_ssize_t alone_n; /* with so many examples */
    /* Instead of instructions a function in C, of one example: its values, which are results of a
       machine for one example, or else outputs; or its value and gradient, whose sums over the batch
       are the results. */
    int (*value)(const num *x, const num *p, num *y, num *w);
    int (*gradient)(const num *x, const num *p, num *y, num *g, num *w);
    num *room; /* for one example: inputs, results, and for it to compute in */
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

/* The same of at most four scalars, which is most of what a program for one example calls. */
static inline double call_on_scalars(const num *scalars, const int32_t *r) {
    void (*call)(void) = mg_table[r[0]].call;
#define S(i) scalars[r[i] >> 2]
    switch (mg_table[r[0]].arity) {
    case 1: return ((double (*)(double))call)(S(1));
    case 2: return ((double (*)(double, double))call)(S(1), S(2));
    case 3: return ((double (*)(double, double, double))call)(S(1), S(2), S(3));
    default: return ((double (*)(double, double, double, double))call)(S(1), S(2), S(3), S(4));
    }
#undef S
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

#include "scalars.h"
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
        if (!by_columns && op == CALL && mg_table[r[0]].arity > 0) {
            *dst = call_on_scalars(scalars, r);
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
            kernels.totals(s, columns, k, real);
            columns += k;
            for (int i = 0; i < k; i++) {
                num *sum = sums + (r[k + i] - m->first_sum);
                *sum = (place->first ? 0 : *sum) + s[i];
            }
            break;
        }
        case OUTER: { /* how many d, how many x, flags; the columns d and x; the scalars that their
                         sums go to */
            int n_d = r[0], k = r[1], first = place->first && !(r[2] & GOING_ON);
            const int32_t *to = r + 3 + n_d + k;
            if (!by_columns) {
                outer_of_scalars(scalars, s, r, to);
                break;
            }
            for (int i = 0; i < n_d + k && !known; i++)
                put_column(scratch, place, columns + i, r[3 + i]);
            Outer outer = {s, k, 1, columns, columns + n_d, n_d, k, first, real, n};
            columns += n_d + k;
            if (r[2] & IN_ROWS) {
                outer.to = sums + (to[0] - m->first_sum), outer.per_d = to[1], outer.per_x = to[2];
                kernels.outer(&outer);
                break;
            }
            outer.first = 1; /* of s, whatever the block */
            kernels.outer(&outer);
            for (int i = 0; i < n_d * k; i++) {
                num *sum = sums + (to[i] - m->first_sum);
                *sum = (first ? 0 : *sum) + s[i];
            }
            break;
        }
        case LAYER: { /* how many sums, how many columns, what then, flags;
                         the columns; result, start, gate of each sum; the scalars */
            if (!by_columns) {
                layer_of_scalars(scalars, s, r);
                break;
            }
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
            if (r[3] & IN_ROWS) {
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
            case RELU: k_relu(dst, a, r[2], r[5]); break;
            case GATE: k_gate(dst, a, r[2], b, r[4], r[5]); break;
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
