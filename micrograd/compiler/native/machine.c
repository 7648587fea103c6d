/* The column machine: runs a program over a batch of examples, block by block.

   A column holds one number for each example of a block and stays in the cache; a scalar is
   the same for all examples (a parameter, a constant, a sum over the batch). One instruction
   does one operation on a whole block. Instructions are int32:

       operation, destination, how many operands, operands...

   An operand is an index times 4 plus its kind: a register column, a scalar, or an input
   column. There are three sections: scalars before the batch, columns for each block, scalars after
   it. `check` looks at every instruction once, before any runs.

   Within an example every operation rounds as in Python: no fused multiply-add, no
   reordering. (Built once more with MG_FAST, it may fuse, and has the functions of fast.h.) Sums
   over the batch are made block by block, in a fixed order: a batch that is worth it is cut in two
   parts or eight, whose sums are added in the end, on however many threads.

   Here are the types that Python sees. Read vm.h first, which runs instructions; then batch.h, which
   runs them over batches on the threads of team.h; verify.h looks at what is to run, and door.h
   reads numbers of Python. The functions of the table are in functions.h, translated from Python.
   What encodes a program is encode.py, what runs it backend.py. */

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
#include "vm.h"
#include "batch.h"
#include "verify.h"
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
    free(m->each.code);
    free(m->after.code);
    free(m->results);
    free(m->checked);
    free(m->room);
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
    static char *names[] = {"before", "each", "after", "scalars", "results", "registers", "inputs",
                            "outputs", "first_parameter", "parameters", "count_at", "first_sum",
                            "sums", "functions", "loops", "growing", "single", NULL};
    enum { BUFFERS = 5 };
    Py_buffer b[BUFFERS] = {{0}}, *scalars = &b[3], *results = &b[4];
    Py_ssize_t registers, inputs, outputs, first_parameter, parameters, count_at, first_sum, sums;
    Py_ssize_t loops = 0, growing = 0;
    int single = 0;
    PyObject *functions;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "y*y*y*y*y*nnnnnnnnO!|nnp", names, &b[0], &b[1],
                                     &b[2], scalars, results, &registers, &inputs, &outputs,
                                     &first_parameter, &parameters, &count_at, &first_sum, &sums,
                                     &PyTuple_Type, &functions, &loops, &growing, &single))
        return NULL;
    const char *wrong = NULL;
    Machine *m = (Machine *)type->tp_alloc(type, 0);
    if (m) {
        m->n_scalars = scalars->len / (Py_ssize_t)sizeof(num);
        m->n_results = results->len / (Py_ssize_t)sizeof(int32_t);
        m->n_registers = registers, m->n_inputs = inputs, m->n_outputs = outputs;
        m->first_parameter = first_parameter, m->n_parameters = parameters;
        m->count_at = count_at, m->first_sum = first_sum, m->n_sums = sums, m->single = single;
        m->functions = Py_NewRef(functions);
        if (loops < 0 || growing < 0 || loops > 1 << 20 || growing > 1 << 20) loops = growing = 0;
        m->n_loops = loops, m->n_growing = growing;
        m->checked = calloc(loops + 1, sizeof(int64_t));
        m->scalars = aligned(m->n_scalars + 8);
        m->results = malloc(results->len ? results->len : 1);
        if (!m->scalars || !m->results || !m->checked || take(&m->before, &b[0]) ||
            take(&m->each, &b[1]) || take(&m->after, &b[2])) {
            PyErr_NoMemory();
            Py_CLEAR(m);
        } else {
            memcpy(m->scalars, scalars->buf, scalars->len);
            memcpy(m->results, results->buf, results->len);
            m->in_a_row = 1;
            for (Py_ssize_t i = 2; i < m->n_results; i++)
                m->in_a_row &= m->results[i] == m->results[1] + i - 1;
            Py_ssize_t n = m->n_scalars;
            if (registers < 0 || inputs < 0 || outputs < 0 || first_parameter < 0 ||
                parameters < 0 || parameters > n - first_parameter || count_at >= n ||
                first_sum < 0 || sums < 0 || sums > n - first_sum || registers > 1 << 28 ||
                inputs > 1 << 28 || outputs > 1 << 28)
                wrong = "a size out of range";
            if (single && (inputs > first_parameter || outputs || sums || m->each.size))
                wrong = "a batch in a program for one example";
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
    for (int i = 0; i < BUFFERS; i++) PyBuffer_Release(&b[i]);
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

/* The value of one example by the function in C: 0, 1 where a number was refused, below 0 with an
   exception. */
static int value_linked(Machine *m, num *results) {
    const num *p = m->scalars + m->first_parameter;
    int bad = m->value(p - m->n_inputs, p, results, m->room + m->n_results);
    return bad > 1 ? -1 : bad;
}

/* 0, or 1 where a number was refused, 2 where a result is nan; below 0 with an exception. The
   parameters are in their place. */
static int run_on(Machine *m, const num *inputs, Py_ssize_t n, Py_ssize_t stride, num *results,
                  num *outputs, int mean) {
    if (m->single) place_inputs(m, inputs, stride);
    if (m->single && m->value) return value_linked(m, results);
    if (prepare(m, parts_of(m, n), inputs, stride, n, outputs, n)) {
        PyErr_NoMemory();
        return -1;
    }
    /* `call` takes no lock: what it may run keeps the interpreter's, and so does what is linked,
       which asks now and then whether Ctrl-C was pressed. */
    int gil = PyTuple_GET_SIZE(m->functions) || !m->each.size;
    int threads = processors();
    PyThreadState *saved = gil ? NULL : PyEval_SaveThread();
    int state = run_batch(m, threads);
    if (saved) PyEval_RestoreThread(saved);
    Py_ssize_t gathered = m->n_results;
    if (mean && m->in_a_row && gathered > 1) {
        gathered = 1;
        if (k_mean(results + 1, m->scalars + m->results[1], n, m->n_results - 1) && !state)
            state = 2;
    }
    for (Py_ssize_t i = 0; i < gathered; i++) {
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
    if (m->single && n != 1) {
        PyErr_SetString(PyExc_ValueError, "the machine: a program for one example");
    } else if (n < 0 || stride < n) {
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
             "As `run`, for Columns and a list of Values; results are sums, or means.");

static PyObject *machine_answer(Machine *m, PyObject *const *args, Py_ssize_t n_args) {
    if (n_args != 5 || (PyObject *)Py_TYPE(args[0]) != columns_type || !PyList_Check(args[1])) {
        PyErr_SetString(PyExc_TypeError, "the machine: columns, values, two buffers and a bool are needed");
        return NULL;
    }
    const Columns *c = (const Columns *)args[0];
    if (c->inputs != m->n_inputs || m->n_parameters != PyList_GET_SIZE(args[1]) ||
        (m->single && c->n != 1)) {
        PyErr_SetString(PyExc_ValueError, "the machine: a wrong number of numbers");
        return NULL;
    }
    Py_buffer results = {0}, outputs = {0};
    int state = -1;
    if (!PyObject_GetBuffer(args[2], &results, PyBUF_WRITABLE) &&
        !PyObject_GetBuffer(args[3], &outputs, PyBUF_WRITABLE) &&
        holds(&results, m->n_results, "results") &&
        holds(&outputs, m->n_outputs * c->n, "outputs")) {
        if (!read_values(args[1], m->scalars + m->first_parameter))
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
    Py_ssize_t room = batch < PY_SSIZE_T_MAX - 64 ? stride_of(batch) : 0;
    int ok = 0;
    if (n < 1 || stride < n || batch < 1 || batch > n || steps < 0 || (!order.len && batch != n) ||
        kinds < 1 || u->n_inputs != kinds + 1 || m->n_results != np + 1 || m->n_outputs ||
        u->n_sums || u->single || u->after.size || (m->single && batch != 1)) {
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
        t.batch = batch, t.room = room, t.n = np, t.padded = padded;
        t.size = (kinds + 1) * padded * sizeof(num);
        int gathers = t.order && !m->single;
        if (gathers) t.gathered = aligned(m->n_inputs * room + 8);
        if ((gathers && !t.gathered) || room_to_train(&t, 0) ||
            prepare(m, parts_of(m, batch), gathers ? t.gathered : t.inputs, gathers ? room : stride,
                    batch, NULL, 0) ||
            prepare(u, 1, NULL, padded, np, NULL, 0)) {
            PyErr_NoMemory();
            ok = 0;
        }
    }
    if (ok) {
        int gil = PyTuple_GET_SIZE(m->functions) || PyTuple_GET_SIZE(u->functions) || m->room ||
                  (m->single && m->n_loops); /* which look for Ctrl-C */
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
    if (!m->single || n != m->n_inputs + m->n_parameters || !m->n_results || m->after.size ||
        PyTuple_GET_SIZE(m->functions)) {
        PyErr_SetString(PyExc_ValueError, "the machine: a wrong number of numbers");
        return NULL;
    }
    num *S = m->scalars + m->first_parameter - m->n_inputs;
    for (Py_ssize_t i = 0; i < n; i++) {
        S[i] = PyFloat_AsDouble(args[i]);
        if (S[i] == -1.0 && PyErr_Occurred()) return NULL;
    }
    if (m->value) {
        int bad = value_linked(m, m->room);
        if (bad < 0) return NULL;
        if (bad) Py_RETURN_NONE;
        return PyFloat_FromDouble(m->room[0]);
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

PyDoc_STRVAR(link_doc, "link(address, work, gradient)\n--\n\n"
                       "Nothing; the machine, which has no instructions, calls the function at that address,\n"
                       "a value or a gradient, which needs room for `work` numbers. c/backend.py makes both.");

static PyObject *machine_link(Machine *m, PyObject *args) {
    PyObject *address;
    Py_ssize_t work;
    int gradient;
    if (!PyArg_ParseTuple(args, "O!np", &PyLong_Type, &address, &work, &gradient)) return NULL;
    void *found = PyLong_AsVoidPtr(address);
    if (PyErr_Occurred()) return NULL;
    int fits = gradient ? m->n_sums == m->n_results && m->n_sums == m->n_parameters + 1
                        : m->single || m->n_outputs;
    if (!found || m->room || !fits || work < 0 || too_many(1, work)) {
        PyErr_SetString(PyExc_ValueError, "the machine: this is no function to link it with");
        return NULL;
    }
    if (!(m->room = aligned(m->n_inputs + m->n_results + m->n_outputs + work + 8))) return PyErr_NoMemory();
    if (gradient) memcpy(&m->gradient, &found, sizeof found);
    else memcpy(&m->value, &found, sizeof found);
    Py_RETURN_NONE;
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
        if (n == m->n_inputs + m->n_parameters)
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
    {"link", (PyCFunction)machine_link, METH_VARARGS, link_doc},
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
                                       {"gather", gather_values, METH_VARARGS, gather_doc},
                                       {"scatter", scatter_values, METH_VARARGS, scatter_doc},
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
