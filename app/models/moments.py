"""What higher rooms act upon when a model changes."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.moments import Moment
from app.models.tables import Model

# It was deleted and came back: what was left waiting may go on.
restored: Moment[[AsyncSession, Model]] = Moment()
