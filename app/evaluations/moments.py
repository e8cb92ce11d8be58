"""What higher rooms act upon when a version was evaluated."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.moments import Moment
from app.models.tables import Model
from app.versions.tables import Version

# A report was written. Told under the model's lock.
evaluated: Moment[[AsyncSession, Actor, Model, Version]] = Moment()
