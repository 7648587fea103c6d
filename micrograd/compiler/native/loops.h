/* Loops and branches: instructions that hold others. Included by vm.h, whose `run_code` runs
   what they hold.

   LOOP    how many turns, or NONE; the sequence whose length says so, or NONE; its number; then
           what a turn does
   IF      a number; how many int32 the first side takes; the first side, where the number is not
           0; the second
   UNLESS  a number: the loop ends where it is 0
   MOVE    a number, which goes to the destination
   LOAD    a sequence, the number of a loop, how many entries it has, whether it is read from its
           end, how many numbers an entry is: that of this turn goes to the destination
   STORE   a number, or the first of an entry, then the same: it becomes the entry

   A sequence stands in scalars, registers or inputs that follow each other, or grows. */

#define LEFT 1            /* what UNLESS answers */
#define LOOK_UP 0x100000 /* turns between two looks at the keyboard, where Python may be asked */

static int run_code(Run *w, const int32_t *pc, const int32_t *end);

/* How many entries a growing sequence has room for; -1 where there is no memory. */
static int grow(Growing *g, Py_ssize_t n) {
    if (n <= g->room) return 0;
    Py_ssize_t room = g->room ? 2 * g->room : 1024;
    if (room < n) room = n;
    num *x = realloc(g->x, room * sizeof(num));
    if (!x) return -1;
    g->x = x, g->room = room;
    return 0;
}

/* The sequences that a loop puts out grow anew, also where it takes no turn. */
static void empty(Scratch *scratch, int32_t loop, const int32_t *pc, const int32_t *end) {
    for (; pc < end; pc += 3 + pc[2])
        if (pc[0] == STORE && pc[5] == loop && (pc[4] & 3) == GROWING)
            scratch->growing[pc[4] >> 2].n = 0;
}

static int interrupted(Run *w) {
    w->scratch->patience = LOOK_UP;
    return w->m->each.size == 0 && PyErr_CheckSignals() ? -1 : 0;
}

static inline void copy(num *to, const num *x, int column, Py_ssize_t lanes) {
    if (column) memmove(to, x, lanes * sizeof(num));
    else
        for (Py_ssize_t l = 0; l < lanes; l++) to[l] = *x;
}

/* MOVE, LOAD and STORE of one scalar, which are most of them; 0 where that is not what it is. */
static inline int quick_move(Scratch *scratch, num *scalars, int op, num *dst, const int32_t *r) {
    if (op == MOVE) {
        *dst = scalars[r[0] >> 2];
        return 1;
    }
    if (op == LOAD && r[4] == 1 && (r[0] & 3) == SCALAR) {
        int64_t i = scratch->turn[r[1]];
        *dst = scalars[(r[0] >> 2) + (r[3] ? r[2] - 1 - i : i)];
        return 1;
    }
    if (op == STORE && r[5] == 1 && (r[1] & 3) == SCALAR) {
        int64_t i = scratch->turn[r[2]];
        scalars[(r[1] >> 2) + (r[4] ? r[3] - 1 - i : i)] = scalars[r[0] >> 2];
        return 1;
    }
    return 0;
}

static int run_loops(Run *w, int op, num *dst, int32_t to, const int32_t *r, int count) {
    Scratch *scratch = w->scratch;
    const Place *place = w->place;
    Py_ssize_t lanes = w->by_columns ? w->n : 1, step = w->by_columns ? place->width : 1;
#define IS_COLUMN(r) (w->by_columns && ((r) & 3) != SCALAR)
    switch (op) {
    case LOOP: {
        int64_t n = r[0] != NONE ? r[0] : r[1] != NONE ? scratch->growing[r[1]].n : INT64_MAX;
        int64_t *turn = scratch->turn + r[2];
        scratch->turns[r[2]] = n;
        if (r[0] == NONE) empty(scratch, r[2], r + 3, r + count);
        for (*turn = 0; *turn < n; ++*turn) {
            if (--scratch->patience < 0 && interrupted(w)) return -1;
            int state = run_code(w, r + 3, r + count);
            if (state == LEFT) break;
            if (state) return state;
        }
        return 0;
    }
    case IF: {
        const int32_t *first = r + 2, *second = first + r[1];
        return *at(place, r[0]) != 0.0 ? run_code(w, first, second) : run_code(w, second, r + count);
    }
    case UNLESS: return *at(place, r[0]) != 0.0 ? 0 : LEFT;
    case MOVE: {
        copy(dst, at(place, r[0]), IS_COLUMN(r[0]), lanes);
        return 0;
    }
    case LOAD: {
        int64_t i = scratch->turn[r[1]];
        if ((r[0] & 3) == GROWING) {
            const Growing *g = scratch->growing + (r[0] >> 2);
            if (r[3]) i = g->n - 1 - i;
            if (i < 0 || i >= g->n) return -1;
            *dst = g->x[i];
            return 0;
        }
        if (r[3]) i = r[2] - 1 - i;
        for (int32_t k = 0; k < r[4]; k++, dst += step)
            copy(dst, at(place, r[0] + 4 * ((int32_t)i * r[4] + k)), IS_COLUMN(r[0]), lanes);
        return 0;
    }
    default: { /* STORE */
        int64_t i = scratch->turn[r[2]];
        const num *x = at(place, r[0]);
        if ((r[1] & 3) == GROWING) {
            Growing *g = scratch->growing + (r[1] >> 2);
            int64_t n = r[4] ? scratch->turns[r[2]] : i + 1;
            if (r[4]) i = n - 1 - i;
            if (grow(g, n)) return -1;
            g->n = n;
            g->x[i] = *x;
            return 0;
        }
        if (r[4]) i = r[3] - 1 - i;
        for (int32_t k = 0; k < r[5]; k++)
            copy((num *)at(place, r[1] + 4 * ((int32_t)i * r[5] + k)), at(place, r[0] + 4 * k),
                 IS_COLUMN(r[0]), lanes);
        return 0;
    }
    }
#undef IS_COLUMN
}
