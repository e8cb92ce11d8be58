"""The card of a version, as a page of Markdown. The same facts give the same bytes."""

import json
from collections.abc import Iterator

from app.cards import record
from app.cards.facts import Facts
from app.cards.queries import MOST_FILES, Relative
from app.cards.sections import is_section
from app.cards.words import (
    NONE,
    facts,
    moment,
    more,
    number,
    signed,
    size,
    titles,
    value,
)
from app.core import markdown as md
from app.core.markdown import Markdown
from app.models.service import quoted
from app.promotions.rules.changes import COMPARED, Change, Row, compare, flattened
from app.versions.completeness import Completeness

MOST_ROWS = 200


def write(found: Facts) -> Markdown:
    """The page."""
    return md.page(_blocks(found))


def _blocks(found: Facts) -> Iterator[Markdown]:
    version = found.version
    yield md.heading(1, md.joined([md.text(version.model), md.ours(f" {version.number}")]))
    yield from _warnings(found)
    yield _head(found)
    if found.model.description:
        yield from _section("The model", md.quote(found.model.description))
    for section, notes in found.notes.items():
        yield md.heading(2, md.ours(section))
        for note in notes:
            yield md.quote(note.text)
            if note.by:
                yield md.joined([md.ours("Noted by "), md.text(note.by), md.ours(f", {note.on}.")])
    yield from _section("What changed", *_changes(found))
    yield from _section("Data", _data(found))
    yield from _section("Preprocessing", _preprocessing(found))
    yield from _section("Hyperparameters", *_params(found))
    yield from _section("Metrics", _metrics(found))
    yield from _section("Evaluations", _evaluations(found))
    yield from _section("Environment", *_environment(found))
    yield from _section("Code", _code(found))
    yield from _section("Signature", *_signature(found))
    yield from _section("Files", *_files(found))
    yield from _section("Review record", *record.promotions(found.promotions, found.reviews))
    yield from _section("Stages", record.transitions(found.transitions))
    yield from _section("How to get it", _how_to_get_it(found))
    yield from _section("How to make it again", *_again(found.completeness))


def _section(title: str, *blocks: Markdown) -> Iterator[Markdown]:
    """A heading with what stands under it; nothing where there is nothing."""
    there = [block for block in blocks if block]
    if there:
        yield md.heading(2, md.ours(title))
        yield from there


def _warnings(found: Facts) -> Iterator[Markdown]:
    recalled, redacted = found.version.recalled, found.version.redacted
    if recalled is not None:
        said = [md.bold(md.ours("Recalled: do not use this version.")), md.ours(" "),
                md.text(recalled.by), md.ours(f", {moment(recalled.at)}:")]  # fmt: skip
        yield md.joined(said)
        yield md.quote(recalled.reason)
    if redacted is not None:
        yield md.ours(f"A text was taken out of this version for good on {moment(redacted.at)}:")
        yield md.quote(redacted.reason)
    if found.version.overridden:
        yield md.bold(md.ours("An admin once moved it between stages against the rules."))
    if found.version.status != "ready":
        yield md.bold(md.ours(f"It is not ready: it is `{found.version.status}`."))


def _head(found: Facts) -> Markdown:
    version = found.version
    tags = [
        md.joined([md.text(key), md.ours(" = "), md.text(said)])
        for key, said in sorted(version.tags.items())
        if not is_section(key)
    ]
    parents = [md.text(f"{each.model} {each.version}") for each in version.parents]
    by = md.joined([md.text(version.created_by), md.ours(f", {moment(version.created_at)}")])
    return facts(
        [
            ("Name", md.text(version.name or "")),
            ("Stage", md.code(version.stage)),
            ("Aliases", md.joined(map(md.code, version.aliases), ", ")),
            ("Registered by", by),
            ("Ready since", md.ours(moment(version.ready_at))),
            ("Authors", md.joined(map(md.text, version.authors), ", ")),
            ("Made from", md.joined(parents, ", ")),
            ("Run", _run(found)),
            ("Source", md.code(version.source or "")),
            ("Tags", md.joined(tags, ", ")),
            ("Manifest", md.code(version.manifest_sha256 or "")),
            ("Recipe", md.code(version.recipe_sha256 or "")),
        ]
    )


def _run(found: Facts) -> Markdown:
    run = found.version.run
    if run is None:
        return md.NOTHING
    label = f"{run.tracker} {run.id}"
    return md.link(label, run.url) if run.url else md.text(label)


def called(relative: Relative) -> str:
    """What a version is called that another one is compared with."""
    how = {"parent": "its parent", "before": "the one before"}.get(relative.how)
    how = how or f"which holds or held `{relative.stage}` before it"
    return f"version {relative.version.number}, {how}"


def _changes(found: Facts) -> Iterator[Markdown]:
    if found.version.description:
        yield md.quote(found.version.description)
    if found.predecessor is None:
        return
    yield md.ours(f"Compared with {called(found.predecessor)}:")
    before = {name: getattr(found.predecessor.version, name) for name in COMPARED}
    shown = found.version.model_dump()
    parts = compare(before, {name: shown[name] for name in COMPARED})
    rows = [
        (part, each)
        for part, changed in parts.items()
        if part != "metrics"  # they stand below
        for each in changed
    ]
    if not rows:
        yield md.ours("Nothing of its recipe.")
        return
    cells = [
        [md.text(_place(part, each)), _of(each, Change.ADDED), _of(each, Change.GONE)]
        for part, each in rows[:MOST_ROWS]
    ]
    yield md.table(titles("What", "Before", "Now"), cells)
    yield more(rows, MOST_ROWS, "changes")


def _place(part: str, row: Row) -> str:
    moved = " (moved)" if row.change is Change.MOVED else ""
    return f"{row.key if part == 'other' else f'{part}.{row.key}'}{moved}"


def _of(row: Row, missing: Change) -> Markdown:
    """The side of a change on which there is nothing where it is of this kind."""
    if row.change is missing:
        return NONE
    return value(row.before if missing is Change.ADDED else row.after)


def _data(found: Facts) -> Markdown:
    rows = [
        [
            md.text(each.name),
            md.ours(each.role),
            md.code(each.version) if each.version else NONE,
            md.ours("" if each.rows is None else f"{each.rows:,}"),
            md.code(each.sha256) if each.sha256 else NONE,
            md.code(each.uri) if each.uri else NONE,
        ]
        for each in found.version.datasets
    ]
    names = titles("Data set", "Role", "Version", "Rows", "SHA-256", "Place")
    return md.table(names, rows, right=[3]) if rows else md.NOTHING


def _preprocessing(found: Facts) -> Markdown:
    rows = [
        [
            md.ours(str(at)),
            md.text(each.name),
            md.code(each.version) if each.version else NONE,
            md.code(each.sha256) if each.sha256 else NONE,
            md.text(each.description or "", longest=1000),
        ]
        for at, each in enumerate(found.version.preprocessing, start=1)
    ]
    names = titles("", "Step", "Version", "SHA-256", "What it does")
    return md.table(names, rows, right=[0]) if rows else md.NOTHING


def _params(found: Facts) -> Iterator[Markdown]:
    rows = sorted(flattened(found.version.params).items())
    if found.version.seed is not None:
        rows.append(("random seed", found.version.seed))
    if rows:
        cells = [[md.text(key), value(said)] for key, said in rows[:MOST_ROWS]]
        yield md.table(titles("Name", "Value"), cells)
        yield more(rows, MOST_ROWS, "hyperparameters")


def _metrics(found: Facts) -> Markdown:
    return _results(found, [([md.text(row["key"])], row) for row in found.metrics], "Metric")


def _evaluations(found: Facts) -> Markdown:
    rows = [
        (
            [
                md.text(row["dataset"]["name"]),
                md.code(row["dataset"]["sha256"] or "") or NONE,
                md.text(row["metric"]),
            ],
            row,
        )
        for row in found.evaluations
    ]
    return _results(found, rows, "Data set", "SHA-256", "Metric")


def _results(
    found: Facts, rows: list[tuple[list[Markdown], dict[str, object]]], *first: str
) -> Markdown:
    """A table of what was measured. The first place of a row is what it is compared with, where
    there is something, the last is this version."""
    shown = [(cells, row) for cells, row in rows if row["values"][-1] is not None]  # type: ignore[index]
    if not shown:
        return md.NOTHING
    compared = found.against is not None
    names = [*first, "Value"]
    if found.against is not None:
        names += [f"Version {found.against.version.number}", "Difference", ""]
    table = md.table(
        titles(*names),
        [[*cells, *_measured(row, compared)] for cells, row in shown[:MOST_ROWS]],
        right=range(len(first), len(first) + (3 if compared else 1)),
    )
    said = f"Against {called(found.against)}." if found.against else ""
    return md.joined([table, *([md.ours(said)] if said else [])], "\n\n")


def _measured(row: dict, compared: bool) -> list[Markdown]:  # type: ignore[type-arg]
    errors = row.get("stderr") or [None]
    error = f" ± {number(errors[-1])}" if errors[-1] is not None else ""
    mine = md.ours(number(row["values"][-1]) + error)
    if not compared:
        return [mine]
    other, differs = row["values"][0], row["differences"][-1]
    return [
        mine,
        NONE if other is None else md.ours(number(other)),
        NONE if differs is None else md.ours(signed(differs) if differs else "0"),
        md.ours(_verdict(row, differs)),
    ]


def _verdict(row: dict, differs: float | None) -> str:  # type: ignore[type-arg]
    if not differs or row["better"] is None:
        return ""
    verdict = "better" if row["better"] == 1 else "worse"
    noise = (row.get("within_noise") or [None])[-1]
    return f"{verdict}, within noise" if noise else verdict


def _environment(found: Facts) -> Iterator[Markdown]:
    environment = found.version.environment
    if environment is None:
        return
    hardware = environment.hardware
    yield facts(
        [
            ("Python", md.code(environment.python)),
            ("Platform", md.code(environment.platform or "")),
            ("Container image", md.code(environment.container_image or "")),
            ("Hardware", md.NOTHING if hardware is None else value(hardware)),
        ]
    )
    packages = sorted(environment.packages.items())
    if packages:
        cells = [[md.text(name), md.code(version)] for name, version in packages[:MOST_ROWS]]
        yield md.table(titles("Package", "Version"), cells)
        yield more(packages, MOST_ROWS, "packages")


def _code(found: Facts) -> Markdown:
    code = found.version.code
    if code is None:
        return md.NOTHING
    dirty = {True: "it differed from the commit", False: "as the commit", None: "not known"}
    return facts(
        [
            ("Repository", md.code(code.repository)),
            ("Commit", md.code(code.commit)),
            ("Branch", md.code(code.branch or "")),
            ("Working tree", md.ours(dirty[code.dirty])),
            ("Uncommitted change", md.code(code.diff_sha256 or "")),
            ("Entrypoint", md.code(code.entrypoint or "", longest=1000)),
        ]
    )


def _signature(found: Facts) -> Iterator[Markdown]:
    if found.version.signature is not None:
        as_json = json.dumps(
            found.version.signature.model_dump(), indent=2, ensure_ascii=False, sort_keys=True
        )
        yield md.fence(as_json, language="json", longest=8000)


def _files(found: Facts) -> Iterator[Markdown]:
    if found.files:
        rows = [
            [md.code(file.path), md.ours(f"{file.size:,}"), md.code(file.sha256)]
            for file in found.files[:MOST_FILES]
        ]
        yield md.table(titles("Path", "Bytes", "SHA-256"), rows, right=[1])
    if found.version.files_count > MOST_FILES:
        yield md.ours(f"… and {found.version.files_count - MOST_FILES} more files.")
    if found.files:
        yield md.ours(f"{found.version.files_count} files, {size(found.version.size)}.")


def _how_to_get_it(found: Facts) -> Markdown:
    at = f"$STAGEWARD_URL/api/v1/models/{quoted(found.version.model)}"
    at += f"/versions/{found.version.number}"
    said = 'curl -fsS -H "Authorization: Bearer $STAGEWARD_TOKEN"'
    lines = [f'{said} "{at}/manifest"']
    if found.files:
        lines.append(f'{said} -fL -OJ "{at}/files/<path>"')
    return md.fence("\n".join(lines), language="sh")


def _again(found: Completeness) -> Iterator[Markdown]:
    if found.reproducible:
        yield md.ours("Its recipe is complete (100 %): `GET …/reproduce?format=sh` is a script.")
        return
    yield md.ours(f"Its recipe is complete to {found.score * 100:.0f} %. It lacks:")
    yield md.bullets(
        md.joined([md.code(each.field), md.text(each.why, longest=500)], ": ")
        for each in found.missing
    )
