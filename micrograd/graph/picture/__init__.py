"""A diagram painted: `layout.py` gives places, `svg.py` writes them, `boxes.py` the boxes."""
