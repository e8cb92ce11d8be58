"""What higher rooms act upon when a stage or an alias changes."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.moments import Moment
from app.models.tables import Model
from app.stages.rules import Move

# Versions have changed their stages, all at once and with one cause; the first of them is the one
# that it was about. Told under the model's lock, after everything was written.
moved: Moment[[AsyncSession, Actor, Model, list[Move]]] = Moment()
# An alias of this name points at another version than before, or at none. Told under the model's
# lock.
aliased: Moment[[AsyncSession, Actor, Model, str]] = Moment()
