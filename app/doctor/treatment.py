"""What is said of a difference between the store and the database, and done about it."""

from collections.abc import Callable

from app.blobs import service as blobs
from app.blobs.service import Difference
from app.core.runtime import Runtime
from app.doctor import queries
from app.doctor.findings import Findings

VERSIONS_TOLD = 5
REMEDY = (
    "Blobs: what is lost can only come from outside. Send the same bytes again, as a file of any "
    "draft (curl -T FILE …/files/NAME): every version that names them is whole again at once. Or "
    "put them back under their key from a backup of the store, and run this again with --fix."
)


class Treatment:
    """Tells each difference and, with `fix`, mends it or records it."""

    def __init__(self, runtime: Runtime, found: Findings, *, fix: bool) -> None:
        self.is_wanting_bytes = False
        self._runtime, self._found, self._fix = runtime, found, fix

    async def treat(self, difference: Difference) -> None:
        """Say what is wrong and what was done about it, or should be."""
        if difference.kind == "unknown":
            await self._unknown(difference)
        elif difference.kind == "recovered":
            self._recovered(difference)
        elif difference.kind == "unreadable":
            self._bad(difference, "cannot be read at this moment, although the store works.")
        elif difference.is_named:
            await self._named(difference)
        else:
            await self._unnamed(difference)

    async def _named(self, blob: Difference) -> None:
        self.is_wanting_bytes = True
        async with self._runtime.db.reading() as session:
            named = await queries.naming(session, blob.sha256, VERSIONS_TOLD)
        more = f" and {named.versions - len(named.first)} more"
        versions = ", ".join(named.first) + (more if named.versions > len(named.first) else "")
        self._bad(blob, f"is {_damage(blob)}, and needed by {versions}.")

    async def _unnamed(self, blob: Difference) -> None:
        text = f"is {_damage(blob)}, and nothing names it"
        if not self._fix:
            say = self._note if blob.is_young else self._bad
            say(blob, f"{text}: {'a sweep frees it.' if blob.is_young else '--fix removes it.'}")
        elif await self._removed(blob):
            self._good(blob, f"{text}: removed.")
        else:
            self._note(blob, f"{text} for less than a day: a sweep frees it after that.")

    async def _removed(self, blob: Difference) -> bool:
        if blob.kind == "missing":
            return await blobs.forget(self._runtime.db, blob.sha256)
        return await blobs.free(self._runtime.db, self._runtime.store, blob.sha256, why=blob.kind)

    def _recovered(self, blob: Difference) -> None:
        if self._fix:
            self._good(blob, "was damaged and is whole again: recorded.")
        else:
            self._bad(blob, "is recorded as damaged and is whole again: --fix records that.")

    async def _unknown(self, blob: Difference) -> None:
        if self._fix:
            await self._take_in(blob)
        elif blob.is_young:
            self._note(blob, "is unknown to the database, and came within the last day.")
        else:
            self._bad(
                blob, "is unknown to the database: --fix has a sweep free it, if it is whole."
            )

    async def _take_in(self, blob: Difference) -> None:
        db, store = self._runtime.db, self._runtime.store
        condition = await blobs.take_in(db, store, blob.sha256, blob.size)
        if condition.damage is None:
            self._good(
                blob,
                "was unknown to the database and is whole: recorded. A sweep frees it after a day, "
                "unless it is sent again.",
            )
        elif blob.is_young:
            self._bad(blob, "is unknown, and not what its name says. Run this again in a day.")
        elif await blobs.expel(db, store, blob.sha256, blob.size):
            self._good(blob, "was unknown, and not what its name says: removed.")

    def _good(self, blob: Difference, text: str) -> None:
        self._say(self._found.good, blob, text)

    def _note(self, blob: Difference, text: str) -> None:
        self._say(self._found.note, blob, text)

    def _bad(self, blob: Difference, text: str) -> None:
        self._found.well = False
        self._say(self._found.bad, blob, text)

    def _say(self, say: Callable[[str], None], blob: Difference, text: str) -> None:
        if self._found.has_room(f"Blobs {blob.kind}"):
            say(f"Blob {blob.sha256} {text}")


def _damage(blob: Difference) -> str:
    """`truncated (100 of 80000 bytes are there)`."""
    size = blob.condition and blob.condition.size
    digest = blob.condition and blob.condition.sha256
    if size is None:
        return f"missing ({blob.size} bytes)"
    if size != blob.size:
        return f"{blob.kind} ({size} bytes are there instead of {blob.size})"
    if digest is None:
        return f"{blob.kind} (its {size} bytes cannot be read)"
    return f"{blob.kind} (its {size} bytes hash to {digest})"
