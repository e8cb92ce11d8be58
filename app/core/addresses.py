"""Addresses of PostgreSQL. What is wrong with one is never told by repeating it: a part that was
read wrongly may be the password."""

import psycopg
from psycopg.conninfo import conninfo_to_dict

EXAMPLE = "postgresql://user:password@host:5432/database"


def is_readable(address: str) -> bool:
    """Whether libpq reads it, and reads it as it was meant: an unescaped `@` or `/` in a password
    would make it look for the rest of the password as a host, a port or a database."""
    try:
        found = conninfo_to_dict(address)
    except psycopg.ProgrammingError:
        return False
    ports = str(found.get("port") or "").split(",")
    return all(port == "" or port.isdecimal() for port in ports) and not _is_misread(address)


def _is_misread(address: str) -> bool:
    scheme, separator, rest = address.partition("://")
    if not separator or scheme not in ("postgresql", "postgres"):
        return False  # libpq's other form, `host=… password='…'`, quotes
    authority, _, path = rest.partition("?")[0].partition("/")
    return authority.count("@") > 1 or "@" in path


def complaint(error: BaseException) -> str:
    """What the driver or PostgreSQL says in an error, on one line. What the driver says about an
    address that it cannot read is left out, because it repeats it."""
    if isinstance(error, psycopg.ProgrammingError) and error.sqlstate is None:
        return "the driver cannot read its address"
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
