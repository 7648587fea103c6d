/* The door of machine.c: numbers of Python on their way in.

   Floats, integers, lists, tuples and NumPy's arrays of numbers are read where they lie, in one
   pass, which also writes down their structure in a few bytes, the key: `jit` finds by it what was
   compiled for that structure. Of anything else, and of a batch whose examples differ in
   structure, there are no Columns but None: structure.py reads that, or knows what to say.

   The numbers of Values are read at their place in the objects that mypyc makes. */

typedef struct {
    PyObject_HEAD
    PyObject *key;
    num *data; /* inputs by stride */
    Py_ssize_t inputs, n, stride;
} Columns;

/* What is read of one example, and its key. */
typedef struct {
    num *numbers;
    char *key;
    Py_ssize_t count, room, size, space;
    Py_ssize_t run; /* numbers one after the other that the key does not have yet */
} Reader;

enum { PLAIN, NOT_PLAIN = 1, FAILED = -1 }; /* what reading comes to; FAILED with an exception */

static void forget(Reader *r) {
    free(r->numbers);
    free(r->key);
}

static int room_for_numbers(Reader *r, Py_ssize_t more) {
    if (more <= r->room - r->count) return PLAIN;
    Py_ssize_t room = 2 * r->count + more + 16;
    num *numbers = room <= PY_SSIZE_T_MAX / (Py_ssize_t)sizeof(num)
                       ? realloc(r->numbers, room * sizeof(num)) : NULL;
    if (!numbers) return PyErr_NoMemory(), FAILED;
    r->numbers = numbers, r->room = room;
    return PLAIN;
}

static int put_key(Reader *r, char tag, Py_ssize_t many) {
    if (r->size + 9 > r->space) {
        char *key = realloc(r->key, 2 * r->space + 64);
        if (!key) return PyErr_NoMemory(), FAILED;
        r->key = key, r->space = 2 * r->space + 64;
    }
    r->key[r->size] = tag;
    memcpy(r->key + r->size + 1, &many, 8);
    r->size += 9;
    return PLAIN;
}

static int end_run(Reader *r) {
    int found = r->run ? put_key(r, 'f', r->run) : PLAIN;
    r->run = 0;
    return found;
}

/* An array of numbers in memory, however it is strided. */
typedef struct {
    Py_buffer b;
    Py_ssize_t inner, each; /* the first axis within an example, and numbers in one */
} Array;

static int is_ndarray(PyObject *x) { return !strcmp(Py_TYPE(x)->tp_name, "numpy.ndarray"); }

/* PLAIN if x has numbers that can be read; then it has to be released. */
static int open_array(PyObject *x, Py_ssize_t inner, Array *a) {
    if (PyObject_GetBuffer(x, &a->b, PyBUF_STRIDES | PyBUF_FORMAT)) {
        PyErr_Clear(); /* of objects, of dates */
        return NOT_PLAIN;
    }
    const char *format = a->b.format;
    a->inner = inner, a->each = 1;
    int known = a->b.ndim >= 1 && format && format[0] && !format[1] &&
                strchr("dfbBhHiIlLqQ?", format[0]);
    for (int k = (int)inner; k < a->b.ndim; k++) a->each *= a->b.shape[k];
    if (known) return PLAIN;
    PyBuffer_Release(&a->b);
    return NOT_PLAIN;
}

static int array_key(Reader *r, const Array *a) {
    if (a->inner == a->b.ndim) return r->run++, PLAIN; /* an example is a number */
    if (end_run(r) || put_key(r, 'a', a->b.ndim - a->inner)) return FAILED;
    for (int k = (int)a->inner; k < a->b.ndim; k++)
        if (put_key(r, 'd', a->b.shape[k])) return FAILED;
    return PLAIN;
}

#define READ(type)                                                    \
    for (Py_ssize_t i = 0; i < n; i++, from += step) {                \
        type x;                                                       \
        memcpy(&x, from, sizeof x);                                   \
        into[i] = (num)x;                                             \
    }                                                                 \
    break

/* n numbers of a format, `step` bytes apart. */
static void read_strided(char format, const char *from, Py_ssize_t step, Py_ssize_t n, num *into) {
    switch (format) {
    case 'd': READ(double);
    case 'f': READ(float);
    case 'b': READ(signed char);
    case 'B':
    case '?': READ(unsigned char);
    case 'h': READ(short);
    case 'H': READ(unsigned short);
    case 'i': READ(int);
    case 'I': READ(unsigned);
    case 'l': READ(long);
    case 'L': READ(unsigned long);
    case 'q': READ(long long);
    case 'Q': READ(unsigned long long);
    }
}

/* How far the k-th number of an example is from its first, in bytes. */
static Py_ssize_t offset_of(const Array *a, Py_ssize_t k) {
    Py_ssize_t offset = 0;
    for (int axis = a->b.ndim - 1; axis >= a->inner; axis--) {
        offset += k % a->b.shape[axis] * a->b.strides[axis];
        k /= a->b.shape[axis];
    }
    return offset;
}

static int read_array(Reader *r, PyObject *x) {
    Array a;
    int found = open_array(x, 0, &a);
    if (found) return found;
    found = array_key(r, &a) || room_for_numbers(r, a.each) ? FAILED : PLAIN;
    if (!found) {
        /* Along the last axis at once. */
        Py_ssize_t last = a.b.shape[a.b.ndim - 1], step = a.b.strides[a.b.ndim - 1];
        for (Py_ssize_t k = 0; k < a.each; k += last)
            read_strided(a.b.format[0], (char *)a.b.buf + offset_of(&a, k), step, last,
                         r->numbers + r->count + k);
        r->count += a.each;
    }
    PyBuffer_Release(&a.b);
    return found;
}

static int read_number(Reader *r, PyObject *x) {
    if (r->count == r->room && room_for_numbers(r, 1)) return FAILED;
    if (PyFloat_Check(x)) {
        r->numbers[r->count++] = (num)PyFloat_AS_DOUBLE(x);
    } else if (PyLong_CheckExact(x)) {
        double number = PyLong_AsDouble(x);
        if (number == -1.0 && PyErr_Occurred()) return PyErr_Clear(), NOT_PLAIN;
        r->numbers[r->count++] = (num)number;
    } else {
        return NOT_PLAIN;
    }
    r->run++;
    return PLAIN;
}

static int read_any(Reader *r, PyObject *x) {
    if (PyList_CheckExact(x) || PyTuple_CheckExact(x)) {
        Py_ssize_t n = PySequence_Fast_GET_SIZE(x);
        if (end_run(r) || put_key(r, PyList_CheckExact(x) ? '[' : '(', n)) return FAILED;
        if (Py_EnterRecursiveCall(" while reading a list")) return FAILED;
        int found = PLAIN;
        /* Nothing that is called here runs code of Python's that could shorten the list. */
        for (Py_ssize_t i = 0; i < n && !found; i++)
            found = read_any(r, PySequence_Fast_GET_ITEM(x, i));
        Py_LeaveRecursiveCall();
        return found ? found : end_run(r);
    }
    return is_ndarray(x) ? read_array(r, x) : read_number(r, x);
}

static Columns *new_columns(const Reader *r, Py_ssize_t inputs, Py_ssize_t n, Py_ssize_t stride);

PyDoc_STRVAR(example_doc, "example(args)\n--\n\n"
                          "The numbers of one example as Columns, or None where they are not plain.");

static PyObject *example(PyObject *module, PyObject *args) {
    if (!PyTuple_CheckExact(args)) return PyErr_BadArgument(), NULL;
    Reader r = {0};
    Columns *columns = NULL;
    int found = PLAIN;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args) && !found; i++) {
        found = read_any(&r, PyTuple_GET_ITEM(args, i));
        if (!found) found = end_run(&r);
    }
    if (!found && (columns = new_columns(&r, r.count, 1, 1)) && r.count)
        memcpy(columns->data, r.numbers, r.count * sizeof(num));
    forget(&r);
    if (found == NOT_PLAIN) Py_RETURN_NONE;
    return (PyObject *)columns;
}

/* The examples of one argument, from `into` on; r has read the first of a list. */
static int fill_columns(PyObject *given, const Columns *c, num *into, Reader *r) {
    Py_ssize_t n = c->n;
    if (is_ndarray(given)) {
        Array a;
        int found = open_array(given, 1, &a);
        if (found) return found;
        const char *first = a.b.buf;
        Py_ssize_t step = a.b.strides[0];
        /* Some examples at once, for whole lines of the cache on both sides. */
        for (Py_ssize_t i = 0; i < n; i += 64)
            for (Py_ssize_t k = 0; k < a.each; k++)
                read_strided(a.b.format[0], first + i * step + offset_of(&a, k), step,
                             n - i < 64 ? n - i : 64, into + k * c->stride + i);
        PyBuffer_Release(&a.b);
        return PLAIN;
    }
    Reader one = {0};
    int found = PLAIN;
    for (Py_ssize_t i = 0; i < n && !found; i++) {
        one.count = one.size = 0;
        found = read_any(&one, PySequence_Fast_GET_ITEM(given, i));
        if (!found) found = end_run(&one);
        if (found) break;
        if (one.size != r->size || memcmp(one.key, r->key, r->size)) found = NOT_PLAIN;
        else
            for (Py_ssize_t k = 0; k < one.count; k++) into[k * c->stride + i] = one.numbers[k];
    }
    forget(&one);
    return found;
}

PyDoc_STRVAR(columns_doc, "columns(given)\n--\n\n"
                          "A batch as Columns, each filled up with its last number, or\n"
                          "None where it is not plain; `given` has the examples of each argument.");

static PyObject *columns(PyObject *module, PyObject *given) {
    if (!PyTuple_CheckExact(given)) return PyErr_BadArgument(), NULL;
    Py_ssize_t arguments = PyTuple_GET_SIZE(given), n = -1, inputs = 0;
    Reader whole = {0}; /* its key is that of all arguments */
    Reader *firsts = calloc(arguments + 1, sizeof(Reader));
    Columns *c = NULL;
    int found = firsts ? PLAIN : (PyErr_NoMemory(), FAILED);
    for (Py_ssize_t i = 0; i < arguments && !found; i++) {
        PyObject *x = PyTuple_GET_ITEM(given, i);
        Reader *r = &firsts[i];
        Py_ssize_t size = 0;
        if (is_ndarray(x)) {
            Array a;
            if ((found = open_array(x, 1, &a))) break;
            size = a.b.shape[0], r->count = a.each;
            found = array_key(r, &a);
            PyBuffer_Release(&a.b);
        } else if (PyList_CheckExact(x) || PyTuple_CheckExact(x)) {
            size = PySequence_Fast_GET_SIZE(x);
            found = size ? read_any(r, PySequence_Fast_GET_ITEM(x, 0)) : NOT_PLAIN;
        } else {
            found = NOT_PLAIN;
        }
        if (!found) found = end_run(r);
        if (!found && (!size || (n >= 0 && n != size))) found = NOT_PLAIN;
        n = size, inputs += r->count;
        for (Py_ssize_t k = 0; k < r->size && !found; k += 9) {
            Py_ssize_t many;
            memcpy(&many, r->key + k + 1, 8);
            found = put_key(&whole, r->key[k], many);
        }
    }
    if (!arguments) n = 1; /* of a function without arguments there is one example */
    if (!found && n < 1) found = NOT_PLAIN;
    if (!found && (c = new_columns(&whole, inputs, n, stride_of(n)))) {
        num *into = c->data;
        for (Py_ssize_t i = 0; i < arguments && !found; i++) {
            found = fill_columns(PyTuple_GET_ITEM(given, i), c, into, &firsts[i]);
            into += firsts[i].count * c->stride;
        }
        for (Py_ssize_t k = 0; k < inputs && !found; k++)
            for (Py_ssize_t i = n; i < c->stride; i++)
                c->data[k * c->stride + i] = c->data[k * c->stride + n - 1];
        if (found) Py_CLEAR(c);
    }
    for (Py_ssize_t i = 0; firsts && i < arguments; i++) forget(&firsts[i]);
    free(firsts);
    forget(&whole);
    if (found == NOT_PLAIN) Py_RETURN_NONE;
    return (PyObject *)c;
}

/* The type of Columns -------------------------------------------------------------------------- */

static PyObject *columns_type; /* set once, when the module is made */

static Columns *new_columns(const Reader *r, Py_ssize_t inputs, Py_ssize_t n, Py_ssize_t stride) {
    if (stride && inputs > PY_SSIZE_T_MAX / 16 / stride) return (Columns *)PyErr_NoMemory();
    PyTypeObject *type = (PyTypeObject *)columns_type;
    Columns *c = (Columns *)type->tp_alloc(type, 0);
    if (!c) return NULL;
    c->inputs = inputs, c->n = n, c->stride = stride;
    c->key = PyBytes_FromStringAndSize(r->key, r->size);
    c->data = aligned(inputs * stride + 8);
    if (!c->data) PyErr_NoMemory();
    if (!c->data || !c->key) Py_CLEAR(c);
    return c;
}

static void columns_free(Columns *c) {
    PyTypeObject *type = Py_TYPE(c);
    Py_XDECREF(c->key);
    free(c->data);
    type->tp_free((PyObject *)c);
    Py_DECREF(type);
}

static int columns_buffer(Columns *c, Py_buffer *b, int flags) {
    return PyBuffer_FillInfo(b, (PyObject *)c, c->data,
                             c->inputs * c->stride * (Py_ssize_t)sizeof(num), 1, flags);
}

static PyObject *columns_list(Columns *c, PyObject *nothing) {
    PyObject *rows = PyList_New(c->n);
    for (Py_ssize_t i = 0; rows && i < c->n; i++) {
        PyObject *row = PyList_New(c->inputs);
        if (!row) Py_CLEAR(rows);
        else PyList_SET_ITEM(rows, i, row);
        for (Py_ssize_t k = 0; rows && k < c->inputs; k++) {
            PyObject *x = PyFloat_FromDouble((double)c->data[k * c->stride + i]);
            if (!x) Py_CLEAR(rows);
            else PyList_SET_ITEM(row, k, x);
        }
    }
    return rows;
}

static PyMemberDef columns_members[] = {
    {"key", T_OBJECT, offsetof(Columns, key), READONLY, "The structure of an example."},
    {"n", T_PYSSIZET, offsetof(Columns, n), READONLY, "How many examples there are."},
    {"stride", T_PYSSIZET, offsetof(Columns, stride), READONLY, "Numbers from column to column."},
    {NULL}};

static PyMethodDef columns_methods[] = {
    {"rows", (PyCFunction)columns_list, METH_NOARGS, "A list of floats for each example."}, {NULL}};

static PyType_Slot columns_slots[] = {{Py_tp_dealloc, columns_free},
                                      {Py_tp_members, columns_members},
                                      {Py_tp_methods, columns_methods},
                                      {Py_bf_getbuffer, columns_buffer},
                                      {Py_tp_doc, "The numbers of a batch, by input; a buffer."},
                                      {0, NULL}};
static PyType_Spec columns_spec = {"micrograd.compiler._machine.Columns", sizeof(Columns), 0,
                                   Py_TPFLAGS_DEFAULT, columns_slots};

/* Values --------------------------------------------------------------------------------------- */

static PyTypeObject *value_type; /* whose instances have their numbers at those places, if known */
static Py_ssize_t data_at, grad_at;

/* Where an object keeps a field that is a float: how many bytes from its beginning, 0 where that
   cannot be told, below 0 with an exception. */
static Py_ssize_t place_of(PyObject *value, const char *field) {
    static const double tried[] = {-0x1.23456789abcdep+77, 0x1.fedcba9876543p-99};
    Py_ssize_t size = Py_TYPE(value)->tp_basicsize, place = 0, places = 0;
    char *seen = calloc(size > 0 ? size : 1, 1);
    if (!seen) return PyErr_NoMemory(), -1;
    for (int i = 0; i < 2; i++) {
        PyObject *x = PyFloat_FromDouble(tried[i]);
        if (!x || PyObject_SetAttrString(value, field, x)) {
            Py_XDECREF(x);
            free(seen);
            return -1;
        }
        Py_DECREF(x);
        for (Py_ssize_t at = sizeof(PyObject); at + 8 <= size; at += 8)
            seen[at] += !memcmp((char *)value + at, &tried[i], 8);
    }
    for (Py_ssize_t at = 0; at < size; at++)
        if (seen[at] == 2) place = at, places++;
    free(seen);
    return places == 1 ? place : 0;
}

PyDoc_STRVAR(knows_doc, "knows(value)\n--\n\n"
                        "Whether it is known from now on where Values keep their numbers, seen at this one.");

static PyObject *knows(PyObject *module, PyObject *value) {
    Py_ssize_t data = place_of(value, "_data"), grad = data < 0 ? -1 : place_of(value, "_grad");
    if (grad < 0) return NULL;
    if (data && grad) {
        Py_XSETREF(value_type, (PyTypeObject *)Py_NewRef(Py_TYPE(value)));
        data_at = data, grad_at = grad;
    }
    return PyBool_FromLong(data && grad);
}

/* The numbers of a list of Values. */
static int read_values(PyObject *values, num *into) {
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(values); i++) {
        PyObject *v = PyList_GET_ITEM(values, i);
        if (value_type && PyObject_TypeCheck(v, value_type)) {
            double x;
            memcpy(&x, (char *)v + data_at, sizeof x);
            into[i] = (num)x;
            continue;
        }
        PyObject *x = PyObject_GetAttrString(v, "_data");
        if (!x) return -1;
        into[i] = (num)PyFloat_AsDouble(x);
        Py_DECREF(x);
        if (PyErr_Occurred()) return -1;
    }
    return 0;
}

/* Whether so many numbers stand from a place on in a buffer. */
static int stand(const Py_buffer *b, Py_ssize_t at, Py_ssize_t many) {
    if (at >= 0 && many <= b->len / (Py_ssize_t)sizeof(num) - at) return 1;
    PyErr_SetString(PyExc_ValueError, "the machine: there are not that many numbers");
    return 0;
}

PyDoc_STRVAR(gather_doc, "gather(values, numbers, at)\n--\n\n"
                         "Nothing; the numbers of a list of Values are in the buffer, from that place on.");

static PyObject *gather_values(PyObject *module, PyObject *args) {
    PyObject *values;
    Py_buffer b;
    Py_ssize_t at;
    if (!PyArg_ParseTuple(args, "O!w*n", &PyList_Type, &values, &b, &at)) return NULL;
    int bad = !stand(&b, at, PyList_GET_SIZE(values)) || read_values(values, (num *)b.buf + at);
    PyBuffer_Release(&b);
    if (bad) return NULL;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(scatter_doc, "scatter(values, numbers, at, grad)\n--\n\n"
                          "Whether each of these Values now has its number, or `grad` its gradient, from that\n"
                          "place on in the buffer; if one is of another kind, none has.");

static PyObject *scatter_values(PyObject *module, PyObject *args) {
    PyObject *values;
    Py_buffer b;
    Py_ssize_t at;
    int grad;
    if (!PyArg_ParseTuple(args, "O!y*np", &PyList_Type, &values, &b, &at, &grad)) return NULL;
    Py_ssize_t n = PyList_GET_SIZE(values), place = grad ? grad_at : data_at, same = 0;
    int known = value_type != NULL, fit = stand(&b, at, n);
    while (known && same < n && Py_TYPE(PyList_GET_ITEM(values, same)) == value_type) same++;
    for (Py_ssize_t i = 0; known && fit && same == n && i < n; i++) {
        double x = (double)((const num *)b.buf)[at + i];
        memcpy((char *)PyList_GET_ITEM(values, i) + place, &x, sizeof x);
    }
    PyBuffer_Release(&b);
    return fit ? PyBool_FromLong(known && same == n) : NULL;
}
