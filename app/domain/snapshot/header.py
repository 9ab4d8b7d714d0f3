"""What stands before a snapshot's rows, in JSON: whose it is, for how long, the keys, the rules and the words."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from app.domain.admission import Post
from app.domain.entry_rules import Direction, EntryRules, Role
from app.domain.snapshot.octets import SnapshotUnreadable
from app.domain.snapshot.rows import NUMBERS_MAX, Span
from app.domain.ticket import Kind

EDITION_OCTETS = 16
TEXT_CHARS_MAX = 2_000
NAMES_MAX = 10_000
LIFE_HOURS_MAX = 24
CURSOR_MAX = (1 << 53) - 1
"""As far as JavaScript counts."""
SECONDS_MAX = 1 << 38

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
T = TypeVar("T")

Words = str | Mapping[str, str]
"""A text, or the same in several languages by their codes."""


@dataclass(frozen=True, slots=True)
class Product:
    """What a gate goes by for all tickets of one product."""

    kind: Kind
    title: Words
    rules: EntryRules


@dataclass(frozen=True, slots=True)
class Occasion:
    """One occasion that rows are of; `span` is when its tickets are valid where a row does not say otherwise."""

    id: UUID
    code: int
    product: UUID
    span: Span
    starts_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class News:
    """What rows name for the first time, in the order in which they do."""

    texts: tuple[Words, ...] = ()
    occasions: tuple[Occasion, ...] = ()
    products: Mapping[UUID, Product] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Header:
    """`edition` names the order of the rows, and is the salt of their tags. Everything registered by a transaction
    below `cursor` is in the rows. `keys` are each seller's public barcode keys as JWKs; ours have the empty name.
    """

    issuer: UUID
    generation: int
    post: Post
    edition: bytes
    since: datetime
    cursor: int
    made_at: datetime
    expires_at: datetime
    keys: Mapping[str, tuple[Mapping[str, str | int], ...]]
    news: News
    gates: Mapping[UUID, str] = field(default_factory=dict)
    """Names of the issuer's gates."""


def seconds(moment: datetime) -> int:
    """Whole seconds since 1970, rounded down."""
    return (moment - _EPOCH) // timedelta(seconds=1)


def moment(count: int) -> datetime:
    return _EPOCH + timedelta(seconds=count)


# --- writing --------------------------------------------------------------------------------------------------------


def header_json(header: Header) -> bytes:
    """The same octets for the same header."""
    post = header.post
    return _json({
        "issuer": str(header.issuer),
        "gate": str(post.gate_id),
        "generation": header.generation,
        "post": {
            "role": post.role,
            "direction": post.direction,
            "entrance": post.entrance,
            "area": post.area,
            "home": post.home,
            "occasions": sorted(map(str, post.occasions)),
        },
        "edition": header.edition.hex(),
        "since": seconds(header.since),
        "cursor": header.cursor,
        "made_at": seconds(header.made_at),
        "expires_at": seconds(header.expires_at),
        "keys": {seller: [dict(jwk) for jwk in jwks] for seller, jwks in header.keys.items()},
        "gates": {str(identity): name for identity, name in header.gates.items()},
        **_news(header.news),
    })  # fmt: skip


def news_json(news: News) -> bytes:
    """What was added, or nothing."""
    return _json(_news(news)) if news.texts or news.occasions else b""


def _news(news: News) -> dict[str, object]:
    return {
        "texts": [one if isinstance(one, str) else dict(one) for one in news.texts],
        "occasions": [
            {
                "id": str(one.id),
                "code": one.code,
                "product": str(one.product),
                "from": one.span[0],
                "until": one.span[1],
                "starts_at": None if one.starts_at is None else seconds(one.starts_at),
            }
            for one in news.occasions
        ],
        "products": {
            str(identity): {"kind": one.kind, "title": _plain(one.title), "entry_rules": one.rules.told()}
            for identity, one in news.products.items()
        },
    }


def _plain(words: Words) -> object:
    return words if isinstance(words, str) else dict(words)


def _json(found: Mapping[str, object]) -> bytes:
    return json.dumps(found, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


# --- reading --------------------------------------------------------------------------------------------------------


def read_header(octets: bytes) -> Header:
    """Raises SnapshotUnreadable, naming the member that is wrong."""
    told = _Told(octets)
    since, made_at = told.moment("since"), told.moment("made_at")
    expires_at = told.moment("expires_at")
    if not made_at < expires_at <= made_at + timedelta(hours=LIFE_HOURS_MAX):
        raise SnapshotUnreadable(f"expires_at is not within {LIFE_HOURS_MAX} hours of made_at. Fetch it again.")
    edition = told.get("edition", lambda value: bytes.fromhex(_text(value)))
    if len(edition) != EDITION_OCTETS:
        raise SnapshotUnreadable(f"edition is not {EDITION_OCTETS} octets. Fetch the snapshot again.")
    return Header(
        issuer=told.get("issuer", _uuid),
        generation=told.get("generation", lambda value: _whole(value, 1 << 31)),
        post=told.get("post", lambda value: _post(_uuid(told.value("gate")), value)),
        edition=edition,
        since=since,
        cursor=told.get("cursor", lambda value: _whole(value, CURSOR_MAX)),
        made_at=made_at,
        expires_at=expires_at,
        keys=told.get("keys", _keys),
        news=told.news(),
        gates=told.get("gates", lambda value: {_uuid(key): _text(name) for key, name in _mapping(value).items()}),
    )


def read_news(octets: bytes) -> News:
    """What came with rows that were added; raises SnapshotUnreadable."""
    return _Told(octets).news() if octets else News()


class _Told:
    """A JSON object whose members are taken one by one."""

    def __init__(self, octets: bytes) -> None:
        try:
            found = json.loads(octets)
        except (ValueError, RecursionError):
            raise SnapshotUnreadable("the header is not JSON. Fetch the snapshot again.") from None
        if not isinstance(found, dict):
            raise SnapshotUnreadable("the header is no JSON object. Fetch the snapshot again.")
        self._members: dict[str, Any] = found

    def value(self, name: str) -> object:
        return self._members[name]

    def get(self, name: str, read: Callable[[Any], T]) -> T:
        try:
            return read(self._members[name])
        except (KeyError, ValueError, TypeError, OverflowError, AttributeError) as fault:
            raise SnapshotUnreadable(
                f"{name} of the header is not as it should be ({fault}). Fetch the snapshot again."
            ) from None

    def moment(self, name: str) -> datetime:
        return self.get(name, lambda value: moment(_whole(value, SECONDS_MAX)))

    def news(self) -> News:
        products = self.get(
            "products", lambda value: {_uuid(key): _product(one) for key, one in _mapping(value).items()}
        )
        texts = self.get("texts", lambda value: tuple(_words(one) for one in _list(value)))
        occasions = self.get("occasions", lambda value: tuple(_occasion(one) for one in _list(value)))
        return News(texts, occasions, products)


def _whole(value: object, most: int) -> int:
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError(f"a whole number of 0 to {most}")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > TEXT_CHARS_MAX:
        raise ValueError(f"a text of {TEXT_CHARS_MAX} characters at most")
    return value


def _words(value: object) -> Words:
    if isinstance(value, dict):
        return {_text(language): _text(text) for language, text in _mapping(value).items()}
    return _text(value)


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")  # noqa: TRY004 - one error for all that is wrong with the text
    return value


def _uuid(value: object) -> UUID:
    return UUID(_text(value))


def _mapping(value: object) -> dict[str, Any]:
    if not isinstance(value, dict) or len(value) > NAMES_MAX:
        raise ValueError(f"an object of {NAMES_MAX} members at most")
    return value


def _list(value: object) -> list[Any]:
    if not isinstance(value, list) or len(value) > NUMBERS_MAX:
        raise ValueError(f"a list of {NUMBERS_MAX} at most")
    return value


def _post(gate: UUID, value: object) -> Post:
    told = _mapping(value)
    return Post(
        gate,
        frozenset(_uuid(one) for one in _list(told["occasions"])),
        direction=Direction(told["direction"]),
        entrance=_text(told["entrance"]),
        area=_text(told["area"]),
        home=_truth(told["home"]),
        role=Role(told["role"]),
    )


def _keys(value: object) -> dict[str, tuple[Mapping[str, str | int], ...]]:
    return {_text(seller): tuple(_jwk(one) for one in _list(jwks)) for seller, jwks in _mapping(value).items()}


def _jwk(value: object) -> Mapping[str, str | int]:
    return {
        name: one if type(one) is int and name == "barcode_kid" else _text(one) for name, one in _mapping(value).items()
    }


def _product(value: object) -> Product:
    told = _mapping(value)
    return Product(Kind(told["kind"]), _words(told["title"]), EntryRules.of(_mapping(told["entry_rules"])))


def _occasion(value: object) -> Occasion:
    told = _mapping(value)
    begins, ends = (_whole(told[name], SECONDS_MAX) for name in ("from", "until"))
    starts_at = told["starts_at"]
    return Occasion(
        id=_uuid(told["id"]),
        code=_whole(told["code"], 0xFFFF_FFFF),
        product=_uuid(told["product"]),
        span=(begins, ends),
        starts_at=None if starts_at is None else moment(_whole(starts_at, SECONDS_MAX)),
    )
