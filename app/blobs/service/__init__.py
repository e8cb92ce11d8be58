"""The use cases of blobs, a file for each verb: keeping what the database says of them and what
the store holds in step.

Bytes are adopted between two transactions. The first reserves their row, or gives a blob that is
stored already its grace time again, so that no sweep frees it meanwhile and every sweep knows what
a kill left; the second records that the bytes are there. A sweep first dooms a row, then frees the
bytes, then removes the row, and nothing names a doomed one.
"""

from app.blobs.service.adopt import adopt, record, recover
from app.blobs.service.compare import Difference, differences, take_in
from app.blobs.service.health import Condition, examine, note
from app.blobs.service.hold import hold
from app.blobs.service.report import Totals, report, totals
from app.blobs.service.scrub import Pace, scrub
from app.blobs.service.sweep import GRACE, expel, forget, free, sweep

__all__ = [
    "GRACE",
    "Condition",
    "Difference",
    "Pace",
    "Totals",
    "adopt",
    "differences",
    "examine",
    "expel",
    "forget",
    "free",
    "hold",
    "note",
    "record",
    "recover",
    "report",
    "scrub",
    "sweep",
    "take_in",
    "totals",
]
