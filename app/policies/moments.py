"""What higher rooms act upon when a policy changes."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.moments import Moment
from app.models.tables import Model

# What is in force for a model is another policy now. Told under the model's lock, after everything
# was written.
changed: Moment[[AsyncSession, Actor, Model]] = Moment()
# The default policy is another one now. Told while every model is held.
default_changed: Moment[[AsyncSession, Actor]] = Moment()
