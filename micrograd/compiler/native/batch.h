/* A whole batch, cut in parts for the threads of team.h, and steps of an optimizer over batches.

   The order in which sums are made depends on the number of examples alone. Read machine.c next:
   the doors from Python. */

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

/* How far it is from column to column of so many numbers: whole vectors, and no multiple of 32, with
   which the numbers of one example would stand in few lines of the cache. */
static Py_ssize_t stride_of(Py_ssize_t n) {
    Py_ssize_t whole = (n + 7) / 8 * 8;
    return whole % 32 ? whole : whole + 8;
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
    Py_ssize_t most = most_of(n, parts);
    *b = (Batch){inputs, out, n, stride, out_stride, most < BLOCK ? most : BLOCK, parts};
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

/* The examples of a part one by one, by the function in C that the machine was linked with: their
   values are outputs, or values and gradients are added up. */
static int run_linked(Machine *m, Worker *w, const Part *part, num *sums) {
    const Batch *b = &m->batch;
    const num *p = w->scalars + m->first_parameter;
    num *x = m->room, *own = x + m->n_inputs, *room = own + m->n_sums + m->n_outputs;
    for (Py_ssize_t i = part->from; i < part->to; i++) {
        num *y = m->gradient && i == part->from ? sums : own;
        for (Py_ssize_t k = 0; k < m->n_inputs; k++) x[k] = b->inputs[k * b->stride + i];
        int bad = m->gradient ? m->gradient(x, p, y, y + 1, room) : m->value(x, p, y, room);
        if (bad > 1) return -1;
        mg_refused |= bad;
        for (Py_ssize_t k = 0; k < m->n_outputs; k++) b->out[k * b->out_stride + i] = y[k];
        if (m->gradient && y == own) k_add(sums, sums, 1, own, 1, m->n_sums);
    }
    return 0;
}

/* A part of the batch: -1 for an error of Python's. */
static int run_part(Machine *m, Worker *w, int i, int which) {
    const Batch *b = &m->batch;
    const Part *part = &m->parts[i];
    num *sums = b->parts > 1 ? part->sums[which] : w->scalars + m->first_sum;
    if (m->room) return run_linked(m, w, part, sums);
    Place place = {w->registers, w->scalars, NULL, b->width, b->stride, 0};
    for (Py_ssize_t from = part->from; from < part->to; from += BLOCK) {
        Py_ssize_t real = part->to - from < BLOCK ? part->to - from : BLOCK;
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
    if (run_scalars(m, w, &m->before)) return -1;
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
    for (Py_ssize_t from = 0; from < t->n && !bad; from += BLOCK) {
        Py_ssize_t real = t->n - from < BLOCK ? t->n - from : BLOCK;
        place.inputs = now + from;
        bad = k_mean(now + from, sums + from, t->batch, real) ||
              run_section(u, &u->each, &place, w->registers, w->scalars, NULL,
                          next + t->padded + from, t->padded, (real + 7) / 8 * 8, real, 1,
                          &w->scratch);
    }
    return bad | mg_refused;
}

/* The inputs of one example, column by column, where a machine for one has them. */
static void place_inputs(Machine *m, const num *example, Py_ssize_t stride) {
    num *to = m->scalars + m->first_parameter - m->n_inputs;
    for (Py_ssize_t k = 0; k < m->n_inputs; k++) to[k] = example[k * stride];
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
        if (m->single) place_inputs(m, t->inputs + (t->order ? t->order[step] : 0), t->stride);
        num *now = columns[step & 1], *next = columns[~step & 1];
        int threads = threads_at(team, worker, step), which = threads > 1 ? step & 1 : 0;
        int parts = m->batch.parts, end = parts * (worker + 1) / threads;
        mg_refused = 0;
        int bad = run_scalars(m, w, &m->before);
        for (int i = parts * worker / threads; i < end && !bad; i++) {
            if (t->gathered) gather(t, step, &m->parts[i]);
            bad = run_part(m, w, i, which);
        }
        bad = meet(team, worker, threads, step, bad || mg_refused);
        if (bad && (!worker || bad & LEAVE)) break;
        add_parts(m, w, which);
        bad = run_scalars(m, w, &m->after) || mg_refused;
        num loss = w->scalars[m->results[0]] / (num)t->batch; /* who helps does not know it */
        if (!worker && (bad || loss != loss)) break;
        const num *sums = t->n ? w->scalars + m->results[1] : NULL;
        if (!m->in_a_row) {
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
