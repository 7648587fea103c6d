/* What machine.c asks of every instruction before any runs: sizes, places, who may read what.

   Whatever bytes it is given, nothing outside of the machine's own memory is read or written:
   tests/test_machine_fuzz.py makes up programs. */

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
static const char *check_table(const Machine *m, int op, const int32_t *r, int32_t count,
                               int by_columns) {
    int head = op == OUTER ? 3 : 4;
    if (count < head) return "an instruction is cut off";
    int64_t rows = r[0], k = r[1], in_a_row = r[head - 1] & IN_ROWS;
    if (rows < 1 || k < 1 || rows > count || k > count) return "a table of no size";
    if (r[head - 1] & ~(op == OUTER ? IN_ROWS | GOING_ON : IN_ROWS)) return "a table of no kind";
    int64_t columns = op == OUTER ? rows + k : k, each = op == OUTER ? 0 : 3 * rows;
    int64_t table = head + columns + each;
    if (count != table + (in_a_row ? 3 : rows * k)) return "a wrong number of operands";
    for (int64_t i = head; i < head + columns; i++)
        if (!by_columns ? !fits(m, r[i], 0)
            : (r[i] & 3) == SCALAR || !fits(m, r[i], 1))
            return "a scalar where a column belongs, or a column outside of a batch";
    int sums = op == OUTER && by_columns;
    Py_ssize_t first = sums ? m->first_sum : 0, many = sums ? m->n_sums : m->n_scalars;
    if (in_a_row && !in_rows(r + table, rows, k, first, many)) return "a table out of range";
    for (int64_t i = table; i < count && !in_a_row; i++)
        if (r[i] < first || r[i] >= first + many) return "a table out of range";
    if (op == OUTER) return NULL;
    if (r[2] < PLAINLY || r[2] > WITH_GATE) return "there is no such operation";
    if (r[2] != PLAINLY && !by_columns) return "there is no such operation";
    for (const int32_t *e = r + head + columns; e < r + table; e += 3) {
        if (e[0] < 0 || e[0] >= (by_columns ? m->n_registers : m->n_scalars))
            return "a destination out of range";
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
        if (depth && (op == TOTAL || op == OUT || (by_columns && (op == OUTER || op == LAYER))))
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
            const char *wrong = check_table(m, op, r, count, by_columns);
            if (wrong) return wrong;
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
            if (by_columns || r[0] < 0 || r[0] > GATE || r[2] >> 1 || r[4] >> 1 || r[5] < 1)
                return "a row of scalars that cannot be";
            if (r[1] < 0 || r[3] < 0 || r[5] > n || r[1] >= n || r[3] >= n || dst > n - r[5] ||
                (r[2] && r[1] > n - r[5]) || (r[4] && r[3] > n - r[5]))
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
        if (op == LAYER && by_columns) m->n_columns += r[1] + 2 * r[0];
        if (op == OUTER && by_columns) m->n_columns += r[0] + r[1];
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
