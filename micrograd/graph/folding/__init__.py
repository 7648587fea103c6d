"""Boxes that stand for many nodes: what folds is found in `pattern.py`, and folded in `fold.py`."""
