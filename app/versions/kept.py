"""What was written of versions, kept for the next who asks.

It is no truth of its own: a statement of the request at hand says at which revision each version
is, and only what was written of that very revision is said again. Everything that an answer shows
counts the revision up.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.versions import shown
from app.versions.rendering import Rendered, rendered

BYTES_KEPT = 32 * 1024 * 1024


class Kept:
    """What was written of versions, the latest used, bounded in bytes."""

    def __init__(self, most: int = BYTES_KEPT) -> None:
        """At most so many bytes."""
        self._most = most
        self._bytes = 0
        self._by_id: OrderedDict[UUID, Rendered] = OrderedDict()

    def get(self, version_id: UUID) -> Rendered | None:
        """What was written of a version, at whatever revision."""
        found = self._by_id.get(version_id)
        if found is not None:
            self._by_id.move_to_end(version_id)
        return found

    def put(self, fresh: Rendered) -> None:
        """Keep this, in the place of an earlier one, and forget what was used longest ago."""
        earlier = self._by_id.pop(fresh.id, None)
        self._bytes += fresh.size - (earlier.size if earlier else 0)
        self._by_id[fresh.id] = fresh
        while self._bytes > self._most:
            _, oldest = self._by_id.popitem(last=False)
            self._bytes -= oldest.size

    async def written(
        self, session: AsyncSession, found: Sequence[tuple[UUID, int]]
    ) -> list[Rendered]:
        """What is shown of versions that were found, each at a revision: in their order, the rest
        read by one more statement. One that was deleted since is left out."""
        known = {version_id: self.get(version_id) for version_id, _ in found}
        old = [
            version_id
            for version_id, revision in found
            if (has := known[version_id]) is None or has.revision != revision
        ]
        if old:
            known.update(dict.fromkeys(old))
            known.update(
                (each.id, each) for each in self._renewed(await shown.of_ids(session, old))
            )
        written = (known[version_id] for version_id, _ in found)
        return [each for each in written if each is not None]

    def _renewed(self, rows: Iterable[shown.Shown]) -> list[Rendered]:
        fresh = [rendered(row) for row in rows]
        for each in fresh:
            self.put(each)
        return fresh
