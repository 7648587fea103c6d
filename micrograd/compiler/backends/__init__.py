"""What runs a program or carries it elsewhere: Python and NumPy here, JAX and PyTorch outside."""
