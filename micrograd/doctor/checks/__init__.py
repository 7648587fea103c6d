"""What the doctor looks for, a file for each kind of thing: read `numbers.py` first."""
