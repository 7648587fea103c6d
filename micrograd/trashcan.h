/* How compiled nodes are freed: a chain of a million of them without a deep C stack.
 *
 * Freeing a node frees its operands, and theirs, by recursion. CPython's own remedy, the
 * "trashcan", writes into the header that only garbage-collected objects have, and ours
 * are kept out of the collector's sight. So its two macros are redefined here: past a
 * depth of 40 a node waits in a list, which runs through the reference counts that dead
 * objects no longer need, until the outermost deallocation frees what is waiting.
 *
 * This header is put in front of the C code that mypyc generates; see setup.py.
 */
#ifndef MICROGRAD_TRASHCAN_H
#define MICROGRAD_TRASHCAN_H

#include <Python.h>

#undef Py_TRASHCAN_BEGIN
#undef Py_TRASHCAN_END

#ifdef Py_GIL_DISABLED
#define MICROGRAD_PER_THREAD _Thread_local
#else
#define MICROGRAD_PER_THREAD /* one thread at a time frees objects */
#endif

static MICROGRAD_PER_THREAD int micrograd_depth;
static MICROGRAD_PER_THREAD PyObject *micrograd_waiting;

#ifdef Py_GIL_DISABLED
#define MICROGRAD_NEXT(op) (*(PyObject **)&((PyObject *)(op))->ob_tid)
#else
#define MICROGRAD_NEXT(op) (*(PyObject **)&((PyObject *)(op))->ob_refcnt)
#endif

#define Py_TRASHCAN_BEGIN(op, dealloc)                  \
    if (micrograd_depth > 40) {                         \
        MICROGRAD_NEXT(op) = micrograd_waiting;         \
        micrograd_waiting = (PyObject *)(op);           \
        return;                                         \
    }                                                   \
    micrograd_depth++;

#define Py_TRASHCAN_END                                 \
    micrograd_depth--;                                  \
    while (micrograd_depth == 0 && micrograd_waiting) { \
        PyObject *dead = micrograd_waiting;             \
        micrograd_waiting = MICROGRAD_NEXT(dead);       \
        MICROGRAD_NEXT(dead) = NULL;                    \
        Py_TYPE(dead)->tp_dealloc(dead);                \
    }

#endif
