"""What a holder shows and how it is read: number and PIN, compact code (CT0), signed code (CT1), living barcode (CTL).

Layouts: docs/reference/credentials.md; test vectors: docs/reference/vectors/credentials.json. Keys stay outside: what a
key can do comes in as a callable. Whatever is shown is a bearer secret, for as long as it lives: PINs, links, tags and
signatures never print; `reveal` and `*_text` are asked for on purpose, when a message or a picture is made.
"""

from app.domain.credential.compact import COMPACT_CHARS, Compact, compact_text
from app.domain.credential.living import (
    HOLDER_KEY_BYTES,
    LIVING_CHARS,
    LIVING_PART_BYTES,
    STEP_MAX,
    Living,
    living_part,
    living_text,
    step_of,
)
from app.domain.credential.number import (
    LinkToken,
    NumberAndPin,
    Pin,
    Secret,
    TicketNumber,
    link_token_for,
    pin_for,
    shown,
    ticket_number,
)
from app.domain.credential.operations import CodeId, Mac, Sign, Verify, VerifyHolder
from app.domain.credential.presented import (
    PRESENTED_CHARS_MAX,
    TYPED_CHARS_MAX,
    Barcode,
    Presented,
    Readable,
    face_of,
    parse_number,
    parse_presented,
)
from app.domain.credential.signed import (
    DURATION_MINUTES_MAX,
    SIGNED_CHARS,
    Body,
    Flag,
    Signed,
    signed_text,
    validity,
)
from app.domain.credential.unread import Unread, Unreadable

__all__ = [
    "COMPACT_CHARS",
    "DURATION_MINUTES_MAX",
    "HOLDER_KEY_BYTES",
    "LIVING_CHARS",
    "LIVING_PART_BYTES",
    "PRESENTED_CHARS_MAX",
    "SIGNED_CHARS",
    "STEP_MAX",
    "TYPED_CHARS_MAX",
    "Barcode",
    "Body",
    "CodeId",
    "Compact",
    "Flag",
    "LinkToken",
    "Living",
    "Mac",
    "NumberAndPin",
    "Pin",
    "Presented",
    "Readable",
    "Secret",
    "Sign",
    "Signed",
    "TicketNumber",
    "Unread",
    "Unreadable",
    "Verify",
    "VerifyHolder",
    "compact_text",
    "face_of",
    "link_token_for",
    "living_part",
    "living_text",
    "parse_number",
    "parse_presented",
    "pin_for",
    "shown",
    "signed_text",
    "step_of",
    "ticket_number",
    "validity",
]
