"""Starting a program as an ordinary user, from root, without loosening any folder on the way.

PostgreSQL refuses to run as root. So a root server gives its PostgreSQL a user number of its own
and, where a folder on the way (such as /root) is closed to others, the one capability that it
takes to pass through; no permission of any folder changes.

The lower half runs as a script, in a process of its own: what happens there between giving up
root and the program's first instruction must not happen in a process with threads.
"""

import ctypes
import os
import pwd
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

DAC_OVERRIDE, DAC_READ_SEARCH = 1, 2
PR_SET_SECUREBITS, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 28, 38, 47, 2
NO_SETUID_FIXUP = 1 << 2
CAPABILITY_VERSION_3 = 0x20080522
UNUSED_USERS = range(61_900, 65_000)  # numbers that distributions give to nobody


class CannotRunAs(Exception):
    """This machine does not let root start the program as somebody else; the text has a remedy."""


@dataclass(frozen=True)
class Runner:
    """Who a program runs as: `user` None means ourselves."""

    user: int | None = None
    capability: int | None = None

    def command(self, *command: str | Path) -> list[str]:
        """The command that runs `command` as that user."""
        plain = [str(part) for part in command]
        if self.user is None:
            return plain
        capability = -1 if self.capability is None else self.capability
        who = [str(self.user), str(group_of(self.user)), str(capability)]
        return [sys.executable, "-I", "-S", str(Path(__file__).resolve()), *who, *plain]

    def own(self, path: Path) -> None:
        """Give one file or folder to that user."""
        if self.user is not None:
            os.chown(path, self.user, group_of(self.user), follow_symlinks=False)


def runner_for(user: int | None, *paths: Path) -> Runner:
    """A runner as `user` (None: ourselves) that can reach every one of `paths`.

    Raises `CannotRunAs` where a folder on the way is closed and root may not lend passage.
    """
    closed = None if user is None else next(filter(None, (_closed(p, user) for p in paths)), None)
    if closed is None:
        return Runner(user)
    for capability in (DAC_READ_SEARCH, DAC_OVERRIDE):
        if _may_lend(capability):
            return Runner(user, capability)
    raise CannotRunAs(
        f"PostgreSQL does not run as root, and other users cannot pass through {closed}. "
        "Run the server as an ordinary user; or move it and STAGEWARD_DATA_DIR to a folder that "
        f"others can pass through; or allow that here: chmod o+x {closed}"
    )


def own_user(folder: Path) -> int | None:
    """The user for programs that refuse root: None where we are not root; else the owner of
    `folder` where it exists, else a number that belongs to nobody on this machine."""
    if os.geteuid() != 0:
        return None
    if folder.exists() and (owner := folder.stat().st_uid) != 0:
        return owner
    taken = {entry.pw_uid for entry in pwd.getpwall()}
    return next(number for number in UNUSED_USERS if number not in taken)


def named_user() -> int:
    """An ordinary user that has a name, for programs that look up who they are."""
    try:
        return pwd.getpwnam("nobody").pw_uid
    except KeyError:
        return next(entry.pw_uid for entry in pwd.getpwall() if entry.pw_uid != 0)


def group_of(user: int) -> int:
    """The main group of a user; a number that has no name is its own group."""
    try:
        return pwd.getpwuid(user).pw_gid
    except KeyError:
        return user


def _closed(path: Path, user: int) -> Path | None:
    """The first folder on the way to `path` that `user` cannot pass through."""
    for folder in reversed(path.resolve().parents):
        found = folder.stat()
        passes = stat.S_IXUSR if found.st_uid == user else stat.S_IXOTH
        if not found.st_mode & passes:
            return folder
    return None


def _may_lend(capability: int) -> bool:
    """Whether this process holds the capability and can hand it on."""
    command = Runner(named_user(), capability).command("/bin/sh", "-c", ":")
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - fixed words
    return done.returncode == 0


def _become(user: int, group: int, capability: int) -> None:
    """Give up root for good, keeping at most one capability across the next exec.

    Without the fix-up of capabilities at a change of user the kernel leaves them as they are, and,
    more to the point, counts them in access(2), by which PostgreSQL looks at its own programs.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if capability >= 0:
        _checked(libc.prctl(PR_SET_SECUREBITS, NO_SETUID_FIXUP, 0, 0, 0))
    os.setgroups([])
    os.setgid(group)
    os.setuid(user)
    if capability >= 0:
        mask = 1 << capability
        header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
        _checked(libc.capset(header, (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)))
        _checked(libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0))
    if sys.platform == "linux":
        _checked(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))


def _checked(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    _become(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
    os.execv(sys.argv[4], sys.argv[4:])  # noqa: S606 - the caller names the program
