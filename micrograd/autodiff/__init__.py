"""Functions of functions: gradients, Jacobians, Hessians, and how they are checked.

Read `transforms.py` first. The names that users need are in `micrograd` itself.
"""
