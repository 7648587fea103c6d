"""The native backend: a program encoded for the machine in `machine.c`. Read `backend.py` first."""
