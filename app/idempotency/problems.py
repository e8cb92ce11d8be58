"""Problems with idempotency keys."""

from app.core.problems import Conflict


class TwinUnderWay(Conflict):
    """A request under the same `Idempotency-Key` is still being worked on, and this one waited for
    its answer as long as it could. The work is not done twice: send it again in a moment, with the
    same key, for the answer of the first."""

    slug = "twin-under-way"
    title = "The same request is under way"
