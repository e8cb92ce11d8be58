"""What higher rooms act upon when a version changes."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.moments import Moment
from app.models.tables import Model
from app.versions.tables import Version

# The version may not be used any more: it was recalled or deleted. The text says which and why.
withdrawn: Moment[[AsyncSession, Actor, Model, Version, str]] = Moment()
# Its description or its tags were edited: they are no longer what reviewers read.
annotated: Moment[[AsyncSession, Actor, Model, Version]] = Moment()
# It was deleted for good: what it referred to is released.
deleted: Moment[[AsyncSession, Version]] = Moment()
