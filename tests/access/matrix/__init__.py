"""The matrix: every route of the application x every kind of actor.

`catalogue.py` says how to call each route so that it succeeds; `kinds.py` who calls; `judging.py`
what the table of rights (`app/access/table.py`) makes of that; `scene.py` on what.
"""
