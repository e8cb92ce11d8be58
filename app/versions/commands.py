"""Which entrypoints a script offers to run: decisions on plain values.

An entrypoint is text that somebody wrote. It is taken apart here and never given to a shell: what
runs is Python, on a file of the checkout, with the words that follow as they are."""

import re
import shlex
from dataclasses import dataclass

_PYTHON = re.compile(r"python(3(\.[0-9]{1,2})?)?")
_FLAGS = frozenset({"-u", "-O", "-OO", "-B"})
_STEP = r"[A-Za-z0-9_@+][A-Za-z0-9_.@+-]{0,200}"
_FILE = re.compile(rf"(\./)?({_STEP}/)*[A-Za-z0-9_@+][A-Za-z0-9_.@+-]{{0,200}}\.py")
_MODULE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
_OPERATORS = frozenset("();<>|&")
_MOST_WORDS = 1000


class NotRunnable(ValueError):
    """Why a script does not run an entrypoint, as a sentence."""


@dataclass(frozen=True, slots=True)
class Command:
    """What follows the interpreter, and where in the checkout the program must be: one of these."""

    words: tuple[str, ...]
    program: tuple[str, ...]


def parse(entrypoint: str) -> Command:
    """The command of an entrypoint, or `NotRunnable`."""
    words = _words(entrypoint)
    if _PYTHON.fullmatch(words[0]):
        del words[0]
    flags = []
    while words and words[0] in _FLAGS:
        flags.append(words.pop(0))
    if words[:1] == ["-m"] and len(words) > 1 and _MODULE.fullmatch(words[1]):
        path = words[1].replace(".", "/")
        return Command((*flags, *words), (f"{path}.py", f"{path}/__main__.py"))
    if words and _FILE.fullmatch(words[0]):
        program = words[0].removeprefix("./")
        return Command((*flags, program, *words[1:]), (program,))
    raise NotRunnable(
        "It is neither `python` with a file of the repository (`python train.py --lr 0.1`) nor "
        "with a module of it (`python -m churn.train`)."
    )


def _words(entrypoint: str) -> list[str]:
    if not entrypoint.isprintable():
        raise NotRunnable("It has characters that cannot be seen.")
    if set("$`*?~") & set(entrypoint):
        raise NotRunnable("It has something that only a shell would expand.")
    lexer = shlex.shlex(entrypoint, posix=True, punctuation_chars=True)
    lexer.whitespace_split, lexer.commenters = True, ""
    try:
        words = list(lexer)
    except ValueError as error:
        raise NotRunnable("A quotation in it has no end.") from error
    if not words:
        raise NotRunnable("It is empty.")
    if len(words) > _MOST_WORDS:
        raise NotRunnable(f"It has more than {_MOST_WORDS} words.")
    if any(set(word) <= _OPERATORS for word in words if word):
        raise NotRunnable("It is more than one command.")
    return words
