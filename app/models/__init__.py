"""Models: a name under which versions are numbered, with the convention for their names.

Names are unique without regard to case, also among deleted models, and looked up as written. A
model's counter row is its lock: whoever numbers a version, moves a stage or sets an alias holds it.
"""
