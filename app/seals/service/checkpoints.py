"""Handing out checkpoints, for whoever keeps them elsewhere."""

from app.core.pages import bad_cursor, cut, decode_cursor, encode_cursor
from app.core.runtime import Runtime
from app.seals import queries
from app.seals.keys import Keys, trusted
from app.seals.schemas import CheckpointOutput, CheckpointPage, PublicKeyOutput

MAX_SEQ = 2**63 - 1


async def page(runtime: Runtime, cursor: str | None, limit: int) -> CheckpointPage:
    """The checkpoints, the newest first, and the keys that they may be signed with."""
    below = _below(cursor)
    async with runtime.db.reading() as session:
        rows, more = cut(await queries.newest_checkpoints(session, below, limit + 1), limit)
    return CheckpointPage(
        items=[CheckpointOutput.of(row) for row in rows],
        next_cursor=encode_cursor(rows[-1].seq) if more else None,
        keys=public_keys(trusted(runtime.settings)),
    )


def public_keys(keys: Keys) -> list[PublicKeyOutput]:
    """The keys whose signatures count, the one in use first."""
    return [
        PublicKeyOutput(key_id=key.id, public_key=key.text, in_use=place == 0)
        for place, key in enumerate(keys.all)
    ]


def _below(cursor: str | None) -> int:
    key = decode_cursor(cursor, 1)
    if key is None:
        return MAX_SEQ
    if not (key[0].isascii() and key[0].isdigit() and int(key[0]) <= MAX_SEQ):
        raise bad_cursor()
    return int(key[0])
