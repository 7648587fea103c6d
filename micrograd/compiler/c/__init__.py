"""C: a compiled function as a file of C99, and such files compiled and linked while running.

Read `source.py` first, which writes the file; `arrays.py` writes programs of arrays, `loops.py`
those with loops, `functions.py` has the operations; `build.py` calls the compiler of this machine.
"""
