"""For those who learn: the checker of a Value class of one's own, and expressions as text."""
