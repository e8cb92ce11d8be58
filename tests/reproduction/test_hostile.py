"""Nothing that a teammate wrote into a recipe runs, and every value arrives as it was."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.reproduction import script
from app.reproduction.quoting import quote, visible
from app.reproduction.script import write
from tests.reproduction.sandbox import Sandbox, recipe
from tests.versions.test_completeness import WHOLE

ATTACKS = (
    *("'", '"', "`canary`", "$(canary)", "${IFS}canary", "'; canary; '", '"; canary; "'),
    *("\ncanary\n", "\r\ncanary", "\nEND\ncanary\n", "END", "' \\\ncanary #", "\\", "\\'"),
    *("& canary &", "|canary", "; canary", "$(canary", "<(canary)", "!!", "#", "#\ncanary"),
    *("-x", "--upload-pack=canary", "-oProxyCommand=canary", "ext::sh -c canary", "\x1b[2J"),
    *("\t", "\x01", "\x7f", "\u202e", "é", "雪", "\U0001f600", "%s%n", "*", "~", "{a,b}", "=", " "),
    *('"""', "''';canary", "__import__('os').system('canary')", "}\ncanary\n{", "main", "}"),
)
hostile = st.lists(
    st.sampled_from(ATTACKS) | st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
    max_size=5,
).map(lambda parts: "".join(parts).replace("\0", ""))
recipes = st.fixed_dictionaries(
    {},
    optional={
        "model": hostile,
        "params": st.dictionaries(hostile, hostile | st.lists(hostile, max_size=2), max_size=2),
        "metrics": st.dictionaries(hostile, st.floats(-1, 1), max_size=2),
        "seed": st.integers(-9, 9),
        "name": hostile,
        "source": hostile,
        "code": st.fixed_dictionaries(
            {
                "repository": hostile | hostile.map("https://git.example.com/{}".format),
                "commit": hostile | st.just("3f" * 20),
                "dirty": st.none() | st.booleans(),
                "entrypoint": hostile | hostile.map("python train.py {}".format),
                "branch": hostile,
                "diff_sha256": st.none() | st.just("ab" * 32),
            }
        ),
        "environment": st.fixed_dictionaries(
            {
                "python": hostile | st.just("3.11.7"),
                "packages": st.dictionaries(hostile, hostile, max_size=3),
                "container_image": hostile,
                "platform": hostile,
            }
        ),
        "datasets": st.lists(
            st.fixed_dictionaries({"name": hostile, "role": st.just("train"), "uri": hostile}),
            max_size=2,
        ),
        "files": st.lists(
            st.fixed_dictionaries(
                {"path": hostile, "size": st.just(1), "sha256": st.just("ab" * 32)}
            ),
            max_size=2,
        ),
        "recalled": st.fixed_dictionaries(
            {"reason": hostile, "by": hostile, "at": st.just("2026-11-01T00:00:00Z")}
        ),
    },
)


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty directory in which a shell finds nothing but the canary."""
    return Sandbox.made(tmp_path_factory.mktemp("hostile") / "box").root


def said(shell: Path, text: str) -> bytes:
    """What a shell prints that runs a text, which must not have woken the canary."""
    done = subprocess.run(
        ["/bin/sh", "-c", text] if len(text) < 100_000 else ["/bin/sh"],
        input=text.encode() if len(text) >= 100_000 else b"",
        cwd=shell / "work",
        env={"PATH": str(shell / "tools"), "CANARY": str(shell / "CANARY")},
        capture_output=True,
        check=True,
    )
    assert not (shell / "CANARY").exists()
    assert list((shell / "work").iterdir()) == []
    assert done.stderr == b""
    return done.stdout


def test_the_canary_sings_where_a_value_is_not_quoted(shell: Path) -> None:
    subprocess.run(
        ["/bin/sh", "-c", "echo $(canary)"],
        env={"PATH": str(shell / "tools"), "CANARY": str(shell / "CANARY")},
        check=True,
    )
    assert (shell / "CANARY").exists()
    (shell / "CANARY").unlink()


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(hostile, max_size=12))
def test_quoted_texts_are_words_that_are_exactly_they(shell: Path, texts: list[str]) -> None:
    words = " ".join(map(quote, texts))
    found = said(shell, f'for word in {words}; do printf "%s\\0" "$word"; done')
    assert found == "".join(f"{text}\0" for text in texts).encode()


@given(hostile)
def test_what_is_shown_stays_on_its_line_and_moves_no_cursor(text: str) -> None:
    assert visible(text).isprintable() or set(visible(text)) <= set(text)
    assert not any(ord(character) < 32 or ord(character) == 127 for character in visible(text))


def values_of(text: str) -> str:
    """The part of a script that holds the values, with a body that prints what they hold."""
    names = [line.split("=")[0] for line in text.split("\n") if line.split("=")[0].isidentifier()]
    shown = " ".join(f'"${name}"' for name in names)
    return text + (
        f'\nprintf "%s\\0" {shown}\ndata_set() {{ printf "%s\\0" "$@"; }}\n'
        'data_sets\nwith_words printf "%s\\0"\nprintf "%s\\0" "$(requirements)"\n'
        'params_json\nprintf "\\0"\nrecipe_json\n'
    )


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(recipes)
def test_the_values_of_a_script_run_nothing_and_are_those_of_the_recipe(
    shell: Path, changed: dict[str, Any]
) -> None:
    wanted = recipe(**changed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(script, "_body", lambda: "")
        text = write(wanted)
    found = said(shell, values_of(text)).decode().split("\0")
    assert json.loads(found[-1]) == wanted.model_dump(mode="json")
    assert json.loads(found[-2]) == wanted.params
    if wanted.command:
        words = wanted.command
        assert found[-3 - len(words) : -3] == words


@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(recipes, st.booleans())
def test_a_whole_script_runs_nothing_that_a_recipe_says(changed: dict[str, Any], run: bool) -> None:
    code = {**WHOLE["code"], **changed.get("code", {}), "repository": WHOLE["code"]["repository"]}
    wanted = recipe(**{**changed, "code": {**code, "commit": WHOLE["code"]["commit"]}})
    with tempfile.TemporaryDirectory() as folder:
        sandbox = Sandbox.made(Path(folder) / "box")
        # A Python of its own, so that packages which nobody has are not asked for.
        python = str(sandbox.root / "tools" / "python3")
        done = sandbox.run(write(wanted), *(["--run"] if run else []), STAGEWARD_PYTHON=python)
        assert done.returncode in (0, 3, 4, 7, 8, 9), (done.stdout, done.stderr)
        assert not (sandbox.root / "CANARY").exists()
        assert set(sandbox.root.iterdir()) <= {
            sandbox.root / name
            for name in ("tools", "work", "checkout", "reproduce.sh", "log", "seen")
        }
        assert {each.name for each in (sandbox.root / "work").iterdir()} <= {"there"}
        if (sandbox.root / "seen").exists():
            assert wanted.command is not None
            assert sandbox.seen["argv"] == wanted.command[1:]
        assert "\x1b" not in done.stdout + done.stderr


def test_the_whole_recipe_may_be_as_large_as_a_version_is(shell: Path) -> None:
    params = {f"key {n}": "'$(canary)'" * 40 for n in range(500)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(script, "_body", lambda: "")
        text = write(recipe(params=params)) + "\nparams_json\n"
    assert json.loads(said(shell, text)) == params
    assert sys.getsizeof(text) > 200_000
