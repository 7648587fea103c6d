"""Arrays found again in a scalar program: matrix products, batches, layers. Read `program.py`."""
