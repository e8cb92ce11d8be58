"""The condition for lists says in SQL what `Actor.role_on` says in Python."""

from uuid import uuid4

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import ARRAY, String, Text, column, func, literal, select

from app.access.service import visible
from app.core.actor import Actor, Grant, Role, Scope
from app.core.globs import matches
from app.core.runtime import Runtime

SIGNS = "aAb._- 1"
NAMES = st.text(SIGNS, min_size=1, max_size=6)
ODD_NAMES = st.text(SIGNS + "%\\*?[", min_size=1, max_size=5)
GLOBS = st.one_of(
    st.text(SIGNS + "**??", min_size=1, max_size=5), st.sampled_from(["*", "a*", "?*", "*_*"])
)


def actor_with(granted: list[str], narrowed: list[str] | None) -> Actor:
    return Actor(
        identity_id=uuid4(),
        name="alice",
        kind="user",
        owner_id=None,
        token_id=uuid4(),
        scopes=frozenset({Scope.READ}),
        token_models=None if narrowed is None else tuple(narrowed),
        grants=tuple(Grant(Role.READER, glob) for glob in granted),
    )


@settings(max_examples=300, deadline=None)
@given(
    granted=st.lists(GLOBS, max_size=3),
    narrowed=st.none() | st.lists(GLOBS, min_size=1, max_size=3),
    names=st.lists(NAMES | ODD_NAMES, min_size=1, max_size=20, unique=True),
)
async def test_what_a_list_shows_is_what_the_roles_allow(
    runtime: Runtime, granted: list[str], narrowed: list[str] | None, names: list[str]
) -> None:
    actor = actor_with(granted, narrowed)
    named = func.unnest(literal(names, ARRAY(Text))).table_valued(
        column("name", String), name="named"
    )
    async with runtime.db.reading() as session:
        shown = await session.execute(select(named.c.name).where(visible(actor, named.c.name)))
        assert set(shown.scalars()) == {n for n in names if actor.role_on(n) is not None}


@given(st.text(SIGNS, max_size=6))
def test_a_glob_without_signs_matches_itself_alone(name: str) -> None:
    assert matches(name, name)
    assert not matches(name, f"{name}x")


def test_a_glob_of_many_stars_is_answered_at_once() -> None:
    """With a regular expression this would take longer than anybody waits."""
    assert not matches("*a" * 60 + "*b", "a" * 128)
    assert matches("*a" * 60 + "*", "a" * 128)
