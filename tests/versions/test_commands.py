"""Which entrypoints are run, and as which words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.versions.commands import NotRunnable, parse


@pytest.mark.parametrize(
    ("entrypoint", "words", "program"),
    [
        ("train.py", ["train.py"], ["train.py"]),
        ("python train.py", ["train.py"], ["train.py"]),
        ("python3.11 ./src/train.py --lr 0.1", ["src/train.py", "--lr", "0.1"], ["src/train.py"]),
        ("python -u train.py 'a b' \"c'd\"", ["-u", "train.py", "a b", "c'd"], ["train.py"]),
        ("python train.py a#b #c", ["train.py", "a#b", "#c"], ["train.py"]),
        (
            "python -m churn.train --fast",
            ["-m", "churn.train", "--fast"],
            ["churn/train.py", "churn/train/__main__.py"],
        ),
    ],
)
def test_python_on_a_file_or_a_module_of_the_repository_is_run(
    entrypoint: str, words: list[str], program: list[str]
) -> None:
    found = parse(entrypoint)
    assert (list(found.words), list(found.program)) == (words, program)


@pytest.mark.parametrize(
    "entrypoint",
    [
        *("", " ", "make train", "sh train.sh", "bash -c 'rm -rf /'", "./train.py.sh"),
        *("python", "python -c 'import os'", "python - <x", "python -m", "python -m pip.-x"),
        *("python -i train.py", "python -W error train.py", "python -X x train.py"),
        *("python /etc/x.py", "python ../x.py", "python a/../../x.py", "python a/./x.py"),
        *("python train.py; rm x", "python train.py && rm x", "python train.py | sh"),
        *("python train.py > /etc/x", "python train.py $HOME", "python train.py `id`"),
        *("python train.py *", "python train.py ~/x", "python train.py & x", "(python train.py)"),
        *("python train.py 'a", "python train.py\nrm x", "python train.py \x1b", "A=1 python a.py"),
        *("python -train.py", "python https://example.com/x.py", "python train.py\\"),
        "python train.py" + " a" * 1000,
    ],
)
def test_everything_else_is_not(entrypoint: str) -> None:
    with pytest.raises(NotRunnable) as refused:
        parse(entrypoint)
    assert str(refused.value).endswith(".")


@given(st.text(max_size=40) | st.text("python train.py-m/.;&|<>()$`'\"\\ ", max_size=30))
def test_what_is_run_stays_in_the_repository(text: str) -> None:
    for entrypoint in (text, f"python {text}", f"python -m {text}"):
        try:
            found = parse(entrypoint)
        except NotRunnable:
            continue
        assert all(word.isprintable() for word in found.words)
        for path in found.program:
            assert not path.startswith(("/", "-"))
            assert not {"", ".", ".."} & set(path.split("/"))
