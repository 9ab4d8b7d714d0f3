"""Web addresses that come from outside: which are sound, whose they are, and how something is added to them."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

DEFAULT_PORTS = {"http": 80, "https": 443}
URL_CHARACTERS_MAX = 2_048


def origin(url: str) -> str:
    """The scheme, host and port of a web address in one spelling (RFC 6454 section 6.2); raises ValueError.

    Refused: everything that browsers and `urlsplit` are known to read differently, such as a backslash, a control
    character or a name before an `@`.
    """
    if len(url) > URL_CHARACTERS_MAX or "\\" in url or not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("a web address is plain ASCII, at most 2048 characters, without spaces or backslashes")
    parts = urlsplit(url)
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname or "@" in parts.netloc:
        raise ValueError("a web address starts with http:// or https:// and a host name, without a user name")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = parts.port  # raises ValueError where it is no number up to 65535
    return (
        f"{parts.scheme}://{host}" if port in {None, DEFAULT_PORTS[parts.scheme]} else f"{parts.scheme}://{host}:{port}"
    )


def with_query(url: str, added: Mapping[str, str]) -> str:
    """The address with these added to its query; what was there before under the same names is replaced."""
    parts = urlsplit(url)
    kept = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name not in added]
    return urlunsplit(parts._replace(query=urlencode([*kept, *added.items()]), fragment=""))
