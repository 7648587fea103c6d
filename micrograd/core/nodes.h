/* How compiled nodes are freed: a chain of a million of them without a deep C stack.
 *
 * Freeing a node frees its operands, and theirs, by recursion. CPython's own remedy, the
 * "trashcan", writes into the header that only garbage-collected objects have, and ours
 * are kept out of the collector's sight. So its two macros are redefined here: past a
 * depth of 40 a node waits in a list, which runs through the first field of the objects,
 * the reference count that the dead no longer need, until the outermost deallocation
 * frees what is waiting.
 *
 * An instance of a subclass made in Python is freed at once: Python frees a part of it.
 *
 * This header is put in front of the C code that mypyc generates; see setup.py.
 */
#ifndef MICROGRAD_NODES_H
#define MICROGRAD_NODES_H

#include <Python.h>
#include <string.h>

/* Whether somebody derived a class from a compiled one; for most objects, the flag says no. */
#define MICROGRAD_IS_SUBCLASS(cls, type) \
    (((cls)->tp_flags & Py_TPFLAGS_HEAPTYPE) != 0 && PyType_IsSubtype(cls, type))

#undef Py_TRASHCAN_BEGIN
#undef Py_TRASHCAN_END

#ifdef Py_GIL_DISABLED
#define MICROGRAD_PER_THREAD _Thread_local
#else
#define MICROGRAD_PER_THREAD /* one thread at a time frees objects */
#endif

static MICROGRAD_PER_THREAD int micrograd_depth;
static MICROGRAD_PER_THREAD PyObject *micrograd_waiting;

#define Py_TRASHCAN_BEGIN(op, dealloc)                                \
    if (micrograd_depth > 40 && Py_TYPE(op)->tp_dealloc == (destructor)(dealloc)) { \
        memcpy((void *)(op), &micrograd_waiting, sizeof(PyObject *)); \
        micrograd_waiting = (PyObject *)(op);                         \
        return;                                                       \
    }                                                                 \
    micrograd_depth++;

#define Py_TRASHCAN_END                                               \
    micrograd_depth--;                                                \
    while (micrograd_depth == 0 && micrograd_waiting) {               \
        PyObject *dead = micrograd_waiting;                           \
        memcpy(&micrograd_waiting, dead, sizeof(PyObject *));         \
        memset((void *)dead, 0, sizeof(PyObject *));                  \
        Py_TYPE(dead)->tp_dealloc(dead);                              \
    }

#endif
