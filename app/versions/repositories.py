"""Which addresses of repositories can be given to git: decisions on plain values.

An address names a known scheme and a host, bears no password, and nothing of it can be taken for
an option or for another way of fetching (`ext::…`)."""

import re

_HOST = r"([A-Za-z0-9][A-Za-z0-9.-]{0,252}|\[[0-9A-Fa-f:.]+\])"
_USER = r"[A-Za-z0-9_][A-Za-z0-9_.~+%-]{0,100}"
_PATH = r"[A-Za-z0-9._~/+%@=,:-]{1,1900}"
_KNOWN = {
    "https": re.compile(rf"https://({_USER}@)?{_HOST}(:[0-9]{{1,5}})?/{_PATH}"),
    "ssh": re.compile(rf"ssh://({_USER}@)?{_HOST}(:[0-9]{{1,5}})?/{_PATH}"),
    # As in `git@git.example.com:risk/churn.git`: what stands before a slash would be a path.
    "scp": re.compile(rf"{_USER}@{_HOST}:(?![-/]{{2}}|-){_PATH}"),
    "file": re.compile(rf"file:///{_PATH}"),
}
_WITH_PASSWORD = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/@\s]*:[^/@\s]*@")


def scheme_of(repository: str) -> str | None:
    """`https`, `ssh`, `scp` or `file`; None for everything else."""
    if _WITH_PASSWORD.match(repository):
        return None
    found = (scheme for scheme, known in _KNOWN.items() if known.fullmatch(repository))
    return next(found, None)


def is_reachable(repository: str) -> bool:
    """Whether it can be fetched from another machine too."""
    return scheme_of(repository) in ("https", "ssh", "scp")


def why_not_reachable(repository: str) -> str:
    """Why it cannot, as a sentence. What is written there is not repeated: it may bear a secret."""
    if _WITH_PASSWORD.match(repository):
        return "The address bears a password."
    if scheme_of(repository) == "file":
        return "The code is kept on one machine."
    return "It is no address of a repository that is reached by https or ssh."
