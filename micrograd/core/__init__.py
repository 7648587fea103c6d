"""What `Value` stands on: nodes, the topological sort, rules, the manners of numbers, observers.

Read `node.py` after `engine.py`: it owns the layout of a node. Nothing here knows `Value` or
the table of operations.
"""
