"""How the checker of homework finds out what is wrong with a class; start at `trials.py`."""
