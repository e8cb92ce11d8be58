"""The changelog of a model: what each ready version brought, the newest first."""

from collections.abc import Iterator

from app.cards.schemas import ChangelogOutput, ChangeOutput, MetricChange, StageChange
from app.cards.words import moment, number, signed
from app.core import markdown as md
from app.core.markdown import Markdown


def write(found: ChangelogOutput) -> Markdown:
    """The page."""
    return md.page(_blocks(found))


# Of one entry: a page has up to 200. The version itself has the rest.
LONGEST_DESCRIPTION = 4000


def _blocks(found: ChangelogOutput) -> Iterator[Markdown]:
    yield md.heading(1, md.joined([md.ours("Changelog of "), md.text(found.model)]))
    if not found.items:
        yield md.ours("No version is ready here.")
    for each in found.items:
        yield from _entry(each)
    if found.next_cursor is not None:
        yield md.ours("Older versions stand on the next page, which the `Link` header names.")


def _entry(found: ChangeOutput) -> Iterator[Markdown]:
    name = [md.ours(": "), md.text(found.name)] if found.name else []
    yield md.heading(2, md.joined([md.ours(f"Version {found.number}"), *name]))
    yield md.joined([md.text(found.created_by), md.ours(f", {moment(found.ready_at)}")])
    if found.recalled is not None:
        who = [md.text(found.recalled.by), md.ours(f", {moment(found.recalled.at)}:")]
        yield md.joined([md.bold(md.ours("Recalled: do not use it.")), md.ours(" "), *who])
        yield md.quote(found.recalled.reason)
    if found.description:
        yield md.quote(found.description, longest=LONGEST_DESCRIPTION)
    yield md.bullets([*map(_metric, found.metrics), *map(_stage, found.stages)])


def _metric(found: MetricChange) -> Markdown:
    shown = [md.text(found.metric), md.ours(f" {number(found.value)}")]
    if found.difference:
        verdict = {True: ", better", False: ", worse", None: ""}[found.better]
        shown.append(md.ours(f" ({signed(found.difference)}{verdict})"))
    return md.joined(shown)


def _stage(found: StageChange) -> Markdown:
    way = [md.text(found.from_), md.ours(" → "), md.text(found.to)]
    who = [md.ours(f" by {'an' if found.kind == 'override' else 'a'} {found.kind} ("),
           md.text(found.actor), md.ours("): "), md.text(found.reason, longest=1000)]  # fmt: skip
    return md.joined([md.ours(f"{moment(found.at)}: "), *way, *who])
