"""Problems with series."""

from app.core.problems import Conflict


class PointDiffers(Conflict):
    """This step of this series has another value already, and points never change: sending one
    again is safe only with the value that it has. The detail names the series, the step and both
    values. Nothing was added. Use another key for another measurement."""

    slug = "point-differs"
    title = "The step has another value"
    example = (
        "Points never change. Step 300 of `loss` is 0.25 already, and 0.26 was sent. Use another "
        "key for another measurement."
    )


class TooManyPoints(Conflict):
    """A version holds at most 1,000 series and 10,000,000 points in all. Nothing was added. Log
    less often, for example every tenth step."""

    slug = "too-many-points"
    title = "The version holds as many points as it may"
    example = "Version 3 of `churn` holds 1,000 series, which is as many as it may."
