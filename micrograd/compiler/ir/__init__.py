"""The program, the compiler's intermediate representation: `program.py`, and passes over it."""
