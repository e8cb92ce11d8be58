"""An export is verified with a public key and nothing else."""

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from app.core.runtime import Runtime
from app.seals import offline
from app.seals.keys import signer
from app.seals.rules import Kept
from tests.actors import Api
from tests.factories import make_model, problem
from tests.seals.record import (
    Sql,
    another_key,
    checkpoints,
    exported,
    judged,
    seal,
    sealed_events,
    tamper,
    verified,
)


@pytest.fixture
async def lines(admin: Api, runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """An export of a record that was signed twice."""
    monkeypatch.setattr("app.seals.rules.chain.SIGNED_EVERY", timedelta(0))
    await make_model(admin, description="Größe: 1e-7 „viel“ \u2028 \U0001f600")
    await seal(runtime)
    await make_model(admin, "other")
    await seal(runtime)
    return await exported(admin)


def run(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("STAGEWARD_")}
    return subprocess.run(
        [sys.executable, "-m", "app", "verify-events", *arguments],
        env={**environment, "PYTHONUTF8": "1"},
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )


async def test_the_command_needs_an_export_and_a_key(
    lines: list[str], runtime: Runtime, tmp_path: Path, admin: Api
) -> None:
    file, kept = tmp_path / "export.jsonl", tmp_path / "kept.json"
    file.write_text("".join(lines))
    kept.write_text(json.dumps((await checkpoints(admin))[-1]))
    key = signer(runtime.settings).public.text
    done = run(str(file), "--key", key, "--checkpoint", str(kept))
    assert done.returncode == 0, done.stderr + done.stdout
    assert "as it was sealed, and signed through seal" in done.stdout
    assert "NOT" not in done.stdout
    edited = "".join(lines).replace('"actor":"admin"', '"actor":"other"', 1)
    done = run("-", "--key", key, given=edited)
    assert done.returncode == 1
    assert "At seal " in done.stdout
    assert "(edited)" in done.stdout
    assert "NOT valid" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--key", "c2hvcnQ="], "A key is not the 32 bytes"),
        (["--key", another_key(), "--checkpoint", "12"], "12 is no checkpoint"),
        (["--key", another_key()], "Line 1 is not of an export"),
    ],
)
def test_what_is_wrong_with_the_command_is_one_line(arguments: list[str], said: str) -> None:
    done = run("-", *arguments, given="nonsense\n")
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


async def test_an_export_that_was_cut_off_is_not_valid(lines: list[str], runtime: Runtime) -> None:
    for end in range(2, len(lines)):
        report = judged(lines[:end], runtime)
        assert not report.valid
        assert any("cut off" in line for line in report.sentences)
    assert judged(lines, runtime).valid


async def test_what_is_not_signed_is_told(lines: list[str], admin: Api, runtime: Runtime) -> None:
    await make_model(admin, "late")
    report = judged(await exported(admin), runtime)
    assert report.valid
    assert "signed through seal" in report.sentences[-2]
    assert "The last 1 events are NOT signed yet" in report.sentences[-1]


async def test_an_export_of_nothing_signed_says_so(admin: Api, runtime: Runtime) -> None:
    await make_model(admin)
    report = judged(await exported(admin), runtime)
    assert "nothing of it is signed" in report.sentences[-2]


async def test_lines_that_are_none_are_named(lines: list[str], runtime: Runtime) -> None:
    for odd in ("", "[]", "{}", '{"event": 1, "seal": null}', lines[0], '{"end": {}}'):
        with pytest.raises(offline.CannotVerify, match="Line 3"):
            judged([*lines[:2], odd, *lines[2:]], runtime)
    with pytest.raises(offline.CannotVerify, match="empty"):
        judged([], runtime)


async def test_what_is_behind_a_checkpoint_is_verified_alone(
    lines: list[str], admin: Api, runtime: Runtime, sql: Sql
) -> None:
    newest, first = await checkpoints(admin)
    rest = await exported(admin, after_seq=first["seq"])
    report = judged(rest, runtime, Kept(first["seq"], first["hash"]))
    assert report.valid, report.sentences
    kept = f"{first['seq']}:{first['hash']}"
    told = await verified(admin, after_seq=first["seq"], checkpoint=kept)
    assert (told["valid"], told["sealed_through"]) == (True, newest["seq"])
    assert told["checked"] == newest["seq"] - first["seq"]
    assert not judged(rest, runtime, Kept(first["seq"], "ab" * 32)).valid
    with pytest.raises(offline.CannotVerify, match="begins before it"):
        judged(rest, runtime, Kept(first["seq"] - 1, first["hash"]))
    with pytest.raises(offline.CannotVerify, match="is missing"):
        judged([rest[0], *rest[2:]], runtime)
    await tamper(sql, f"update events set actor = 'x' where id = {(await sealed_events(sql))[0]}")
    assert not (await verified(admin))["valid"]
    assert (await verified(admin, after_seq=first["seq"]))["valid"]  # it was looked at before


async def test_a_verification_begins_only_behind_a_good_checkpoint(
    lines: list[str], admin: Api, sql: Sql
) -> None:
    newest, first = await checkpoints(admin)
    for path in ("/events/verify", "/events/export"):
        for after in (1, newest["seq"] + 1, 2**62):
            problem(await admin.get(path, params={"after_seq": after}), 422, "invalid-request")
    await tamper(sql, "update checkpoints set signature = sha512('x')")
    answer = await admin.get("/events/verify", params={"after_seq": first["seq"]})
    problem(answer, 422, "invalid-request")


@pytest.mark.parametrize("odd", ["12", "0:" + "ab" * 32, "1:xyz", ":", "1:" + "AB" * 32])
async def test_a_kept_checkpoint_is_its_number_and_its_hash(admin: Api, odd: str) -> None:
    answer = await admin.get("/events/verify", params={"checkpoint": odd})
    problem(answer, 422, "invalid-request")


async def test_a_cursor_that_was_not_given_is_refused(lines: list[str], admin: Api) -> None:
    page = (await admin.get("/events/checkpoints", params={"limit": 1})).json()
    following = await admin.get("/events/checkpoints", params={"cursor": page["next_cursor"]})
    assert [*page["items"], *following.json()["items"]] == await checkpoints(admin)
    for cursor in ("x", "WyJ4Il0", "WyI5OTk5OTk5OTk5OTk5OTk5OTk5OTkiXQ"):
        answer = await admin.get("/events/checkpoints", params={"cursor": cursor})
        problem(answer, 422, "invalid-request")
