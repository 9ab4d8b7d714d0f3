"""Whether a database server can be used, and if not, why, in one sentence."""

from __future__ import annotations

import socket
import ssl

import asyncpg
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from app.embedded.faults import DatabaseUnavailable

VERSION_MIN = 15
CONNECT_SECONDS_MAX = 10.0
DRIVER = "postgresql+asyncpg"

DIALECT_ONLY = frozenset(
    {"async_fallback", "async_creator_fn", "prepared_statement_cache_size", "prepared_statement_name_func"}
)
"""What a URL may say to SQLAlchemy that asyncpg itself does not know."""


STOPPED = "The server at {where} is starting or stopping; wait until it is up and start again."

REFUSALS = {
    "28P01": (
        "{where} refused the password of the user {user}; correct it in CYBERTICKET_DATABASE_URL,"
        " or set it on the server with ALTER ROLE."
    ),
    "28000": (
        "{where} does not let the user {user} in ({said}); create the role, or permit it in the server's pg_hba.conf."
    ),
    "3D000": (
        "{where} has no database {database}; create it (CREATE DATABASE {database}),"
        " or name another in CYBERTICKET_DATABASE_URL."
    ),
    "42501": "The user {user} may not connect to {database} at {where}; grant it CONNECT.",
    "53100": "The disk of the server at {where} is full; free some space there and start again.",
    "53300": "The server at {where} has no connection left; raise its max_connections, or end other clients.",
    "57P01": STOPPED,
    "57P02": STOPPED,
    "57P03": STOPPED,
}
"""What to say when the server itself refuses, by its SQLSTATE (PostgreSQL's appendix A)."""


async def check_server(url: str) -> None:
    """Connect once to the PostgreSQL server at `url`, a SQLAlchemy URL; raises DatabaseUnavailable."""
    parsed = _parsed(url)
    where = _where(parsed)
    try:
        connection = await asyncpg.connect(**_arguments(parsed), timeout=CONNECT_SECONDS_MAX)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError, TypeError) as error:
        raise _fault(error, parsed, where) from error
    major = connection.get_server_version().major
    # The server reports this setting itself, from PostgreSQL 14 on; a pooler in between may not pass it on.
    standby = getattr(connection.get_settings(), "in_hot_standby", "off") == "on"
    connection.terminate()
    if major < VERSION_MIN:
        raise DatabaseUnavailable(
            f"The server at {where} is PostgreSQL {major}, and Cyberticket needs {VERSION_MIN} or newer;"
            " upgrade it, or name another server in CYBERTICKET_DATABASE_URL."
        )
    if standby:
        raise DatabaseUnavailable(
            f"The server at {where} is a read-only standby; name the primary in CYBERTICKET_DATABASE_URL."
        )


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise DatabaseUnavailable(
            f"CYBERTICKET_DATABASE_URL is not a URL; write it as {DRIVER}://user:password@host:5432/database."
        ) from None
    if parsed.drivername != DRIVER:
        raise DatabaseUnavailable(
            f"CYBERTICKET_DATABASE_URL begins with {parsed.drivername}://, and only PostgreSQL through asyncpg is"
            f" supported; begin it with {DRIVER}://."
        )
    return parsed


def _arguments(url: URL) -> dict[str, object]:
    """What SQLAlchemy's dialect would hand to asyncpg, so that the check connects exactly as the application will."""
    _, arguments = url.get_dialect()().create_connect_args(url)
    return {name: value for name, value in arguments.items() if name not in DIALECT_ONLY}


def _where(url: URL) -> str:
    """The server without its secrets."""
    if url.host:
        return f"{url.host}:{url.port or 5432}"
    host = url.query.get("host", "the default socket")
    return host if isinstance(host, str) else ", ".join(host)


def _fault(error: Exception, url: URL, where: str) -> DatabaseUnavailable:
    match error:
        case asyncpg.PostgresError():
            words = _refused(error, url, where)
        case TimeoutError():
            words = (
                f"{where} did not answer in {CONNECT_SECONDS_MAX:.0f} seconds; see whether the address in"
                " CYBERTICKET_DATABASE_URL is right and no firewall is between."
            )
        case socket.gaierror():
            words = f"The name in {where} is not known; correct the host in CYBERTICKET_DATABASE_URL."
        case ssl.SSLError():
            words = (
                f"{where} and Cyberticket found no common TLS ({error.reason});"
                " correct the server's certificate or the ssl part of CYBERTICKET_DATABASE_URL."
            )
        case PermissionError():
            words = f"The system does not permit the use of {where}; run as a user who may enter the socket's folder."
        case FileNotFoundError() | ConnectionError():
            words = (
                f"No PostgreSQL server answers at {where}; start it, or correct CYBERTICKET_DATABASE_URL"
                " (without it, Cyberticket runs a server of its own)."
            )
        case _:
            words = f"{where} cannot be used ({_short(error)}); correct CYBERTICKET_DATABASE_URL."
    return DatabaseUnavailable(words)


def _refused(error: asyncpg.PostgresError, url: URL, where: str) -> str:
    words = REFUSALS.get(error.sqlstate or "", "The server at {where} refused ({said}); correct that and start again.")
    return words.format(where=where, user=url.username, database=url.database, said=_short(error))


def _short(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:300] or type(error).__name__
