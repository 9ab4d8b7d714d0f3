"""What the operator of the sandbox network may set, and what a return address must look like."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

DEFAULT_PORTS = {"http": 80, "https": 443}
URL_CHARACTERS_MAX = 2_048


def origin(url: str) -> str:
    """The scheme, host and port of a web address in one spelling (RFC 6454 section 6.2); raises ValueError.

    Refused: everything that browsers and `urlsplit` are known to read differently, such as a backslash, a control
    character or a name before an `@`.
    """
    if len(url) > URL_CHARACTERS_MAX or "\\" in url or not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("a return address is plain ASCII, at most 2048 characters, without spaces or backslashes")
    parts = urlsplit(url)
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname or "@" in parts.netloc:
        raise ValueError("a return address starts with http:// or https:// and a host name, without a user name")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = parts.port  # raises ValueError where it is no number up to 65535
    return (
        f"{parts.scheme}://{host}" if port in {None, DEFAULT_PORTS[parts.scheme]} else f"{parts.scheme}://{host}:{port}"
    )


class NetworkSettings(BaseSettings):
    """The network's settings, from `CYBERTICKET_NETWORK_…` or given in code. There is no default key to forget."""

    model_config = SettingsConfigDict(
        env_prefix="CYBERTICKET_NETWORK_", extra="forbid", frozen=True, hide_input_in_errors=True
    )

    data_dir: Path
    """The folder that holds `network.sqlite3`; one running network per folder."""
    secret_key: SecretStr
    """What the shop's server sends as `Authorization: Bearer sk_…`."""
    publishable_key: str = Field(pattern=r"^pk_[A-Za-z0-9_]{8,250}$")
    """What a page may carry; it can tokenise a card and nothing else."""
    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = Field(default=8402, ge=0, le=65_535)
    """Port to listen on; 0 takes any free one."""
    allowed_return_origins: Annotated[tuple[str, ...], NoDecode] = ()
    """Where the card page may send a browser back to, such as `https://tickets.example`; separated by commas."""
    jobs_waiting_max: int = Field(default=10_000, ge=1)
    """Requests that may wait for the database; beyond it the answer is 429."""
    connections_max: int = Field(default=2_000, ge=1)
    """Connections served at a time; beyond it the answer is 503."""

    @field_validator("secret_key")
    @classmethod
    def _secret_enough(cls, key: SecretStr) -> SecretStr:
        text = key.get_secret_value()
        if not (text.startswith("sk_") and text.isascii() and text.isprintable() and 16 <= len(text) <= 255):  # noqa: PLR2004 - the bounds are said in the sentence below
            raise ValueError("the secret key starts with sk_ and has 16 to 255 printable ASCII characters")
        return key

    @field_validator("allowed_return_origins", mode="before")
    @classmethod
    def _split(cls, given: object) -> object:
        return tuple(part.strip() for part in given.split(",") if part.strip()) if isinstance(given, str) else given

    @field_validator("allowed_return_origins")
    @classmethod
    def _origins(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for text in given:
            if urlsplit(text).path not in {"", "/"} or "?" in text or "#" in text:
                raise ValueError(f"{text!r} is not an origin; write only scheme, host and port")
        return tuple(origin(text) for text in given)
