"""Two server processes over one database, people who speak to one of them each, and what must
hold whoever was faster."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, fields
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import psycopg

from app.core import schema
from app.core.embedded import EmbeddedPostgres
from app.models.queries import EVERY_MODEL
from tests.actors import Api, Team
from tests.faults.sending import TOKEN
from tests.faults.wholeness import Sql, check_whole
from tests.promotions.acting import People, make_people
from tests.s3.server import StoreSettings
from tests.servers import serving
from tests.waiting import SECONDS, eventually

Request = Callable[[], Awaitable[httpx.Response]]
NUMBERS = count(1)
TURNS = 6

# Short ways to two exclusive stages, of which one asks for no approval.
FROM = ["none", "staging", "archived"]
LIVE = {"name": "live", "from": FROM, "exclusive": True}
PRODUCTION = {
    "name": "production",
    "from": FROM,
    "exclusive": True,
    "approvals": [{"count": 1, "roles": ["reviewer"]}],
}
STAGING = {"name": "staging", "from": ["none", "archived"]}
POLICY: dict[str, Any] = {"stages": [STAGING, LIVE, PRODUCTION]}

# What holds one model, and what holds them all.
ONE = """
    select from model_counters c join models m on m.id = c.model_id
    where m.name = %(model)s for update of c"""
EVERY = f"select pg_advisory_xact_lock({EVERY_MODEL})"
# Who waits for a lock that this connection has, or for one of those.
_WAITING = """
    with recursive waiting as (
      select pid from pg_locks where not granted and pg_backend_pid() = any (pg_blocking_pids(pid))
      union
      select other.pid from pg_locks other, waiting
      where not other.granted and waiting.pid = any (pg_blocking_pids(other.pid)))
    select count(*) from waiting"""


@dataclass
class Ring:
    """The same people at either of two servers, and a way past both. One race runs at a time."""

    here: People
    there: People
    sql: Sql
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


@asynccontextmanager
async def two_servers(folder: Path, store_settings: StoreSettings) -> AsyncIterator[Ring]:
    """Two servers of the same kind that share nothing but a PostgreSQL."""
    postgres = EmbeddedPostgres(folder / "postgres", durable=False)
    async with AsyncExitStack() as stack:
        url = postgres.start()
        stack.callback(postgres.stop)
        schema.migrate(url)
        own = {"database_url": url, "secret_key": "a-secret-key-for-tests-0123456789"}
        starts = [
            stack.enter_context(serving(folder / name, "local", store_settings))
            for name in _folders(folder)
        ]
        servers = [start(admin_token=TOKEN, **own) for start in starts]
        clients = [
            await stack.enter_async_context(
                httpx.AsyncClient(
                    base_url=server.url, timeout=SECONDS, trust_env=False, verify=False
                )
            )
            for server in servers
        ]
        admin = Api(clients[0], TOKEN, "admin")
        here = await make_people(admin, Team(admin))
        ok(await admin.put("/policy", json=POLICY))
        sql = await stack.enter_async_context(
            await psycopg.AsyncConnection.connect(postgres.superuser_url, autocommit=True)
        )
        yield Ring(here, _at(clients[1], here), sql)


def _folders(folder: Path) -> list[str]:
    names = ["here", "there"]
    for name in names:
        (folder / name).mkdir()
    return names


def _at(client: httpx.AsyncClient, people: People) -> People:
    """The same people, with the same tokens, at another server."""
    return People(
        **{
            each.name: Api(client, getattr(people, each.name).token, each.name)
            for each in fields(people)
        }
    )


class Round:
    """A model of its own, whose versions Alice writes, at one of the servers."""

    def __init__(self, ring: Ring, turn: int) -> None:
        self.ring, self.turn, self.model = ring, turn, f"churn-{next(NUMBERS)}"
        self.here, self.there, self.path = ring.here, ring.there, f"/models/{self.model}"
        self.near = (ring.here, ring.there)[turn % 2]

    @property
    def is_unguarded(self) -> bool:
        """Whether nothing keeps the one request from being over before the other begins."""
        return self.turn % 3 == 0

    async def begin(self, versions: int) -> None:
        """Make the model with so many ready versions."""
        ok(await self.near.admin.post("/models", {"name": self.model}))
        for _ in range(versions):
            ok(await self.near.alice.post(f"{self.path}/versions", {"finalize": True}))

    async def ask(self, number: int, to: str, *, at_once: bool = False) -> str:
        """Alice asks; the promotion's path."""
        body = {"to": to, "reason": "It is better.", "apply": at_once}
        asked = ok(await self.near.alice.post(f"{self.path}/versions/{number}/promotions", body))
        assert asked["status"] == "applied" or not at_once
        return f"/promotions/{asked['id']}"

    async def approved(self, number: int) -> str:
        """A promotion to production that Bob approved."""
        promotion = await self.ask(number, "production")
        ok(await self.near.bob.post(f"{promotion}/reviews", {"decision": "approve"}))
        return promotion

    async def live(self, count: int) -> None:
        """So many versions were live one after another; the last one is."""
        for number in range(1, count + 1):
            await self.ask(number, "live", at_once=True)

    def roll_back(self, people: People, **fields: Any) -> Awaitable[httpx.Response]:
        """Mia, at one of the servers, returns what is live to its holder before."""
        body = {"stage": "live", "reason": "It is worse.", **fields}
        return people.mia.post(f"{self.path}/rollback", body)

    async def race(self, *asked: Request, hold: str = ONE) -> list[httpx.Response]:
        """Ask all of this at once; what was answered, none of it a fault of the service.

        In two turns of three the model, or every model, is held from outside until each of them
        waits for it: in the order given, and in the other one."""
        async with self.ring.turn:
            if self.is_unguarded:
                answers = await asyncio.gather(*(ask() for ask in asked))
            elif self.turn % 3 == 1:
                answers = await self._in_order(asked, hold)
            else:
                answers = (await self._in_order(asked[::-1], hold))[::-1]
        for answer in answers:
            assert answer.status_code < 500, answer.text
        await check_whole(self.ring.sql, self.model)
        return answers

    async def _in_order(self, order: tuple[Request, ...], hold: str) -> list[httpx.Response]:
        tasks: list[asyncio.Future[httpx.Response]] = []
        async with self.ring.sql.transaction():
            await self.ring.sql.execute(hold, {"model": self.model})  # type: ignore[arg-type]
            for ask in order:
                tasks.append(asyncio.ensure_future(ask()))
                await eventually(
                    lambda: self._so_many_wait(tasks), what="the request to wait for the model"
                )
        return list(await asyncio.gather(*tasks))

    async def _so_many_wait(self, tasks: list[asyncio.Future[httpx.Response]]) -> bool:
        found = await self.ring.sql.execute(_WAITING)
        (waiting,) = await found.fetchone() or (0,)
        return bool(waiting >= len([task for task in tasks if not task.done()]))

    async def stages(self) -> dict[str, list[int]]:
        """Who holds what, as the second server shows it."""
        return dict(ok(await self.there.carol.get(self.path))["stages"])

    async def status(self, promotion: str) -> str:
        """What became of a promotion, as the second server shows it."""
        return str(ok(await self.there.carol.get(promotion))["status"])


def ok(answer: httpx.Response) -> Any:
    """The JSON of an answer that is none of a problem."""
    assert answer.is_success, answer.text
    return answer.json() if answer.content else None


def codes(answers: list[httpx.Response]) -> tuple[int, ...]:
    """The status of each answer."""
    return tuple(answer.status_code for answer in answers)


def slug(answer: httpx.Response) -> str:
    """Which problem it is."""
    return str(answer.json()["type"]).rsplit("/", 1)[-1]


async def rounds(
    ring: Ring, one: Callable[[Round], Awaitable[Any]], *, side_by_side: int = 4
) -> list[Any]:
    """What so many rounds, each with a model of its own, came to. Some of them are prepared side
    by side, and they race one after another."""
    crowd = asyncio.Semaphore(side_by_side)

    async def in_turn(turn: int) -> Any:
        async with crowd:
            return await one(Round(ring, turn))

    return list(await asyncio.gather(*map(in_turn, range(TURNS))))
