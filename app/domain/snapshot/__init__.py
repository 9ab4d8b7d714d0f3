"""What a gate takes along to decide without network; docs/reference/gate-snapshot.md has the formats, octet by octet.

Pure both ways: the server writes what the gate reads. Keys come in as callables, and none of ours goes out.
"""

from __future__ import annotations

from app.domain.snapshot.book import (
    MEDIA_TYPE,
    Opened,
    Rows,
    Snapshot,
    compact_matches,
    holder_matches,
    open_by_code,
    open_by_pin,
    read_snapshot,
    unsigned_snapshot,
    write_snapshot,
)
from app.domain.snapshot.header import Header, News, Occasion, Product, Words
from app.domain.snapshot.octets import SnapshotUnreadable
from app.domain.snapshot.order import Order
from app.domain.snapshot.rows import Row, Way, key_tag, seal, text_tag
from app.domain.snapshot.status import (
    STATUS_MEDIA_TYPE,
    Board,
    Change,
    Counted,
    Form,
    Standing,
    State,
    Status,
    applied,
    changes_body,
    flags_of,
    full_body,
    read_status,
    write_status,
)

__all__ = [
    "MEDIA_TYPE",
    "STATUS_MEDIA_TYPE",
    "Board",
    "Change",
    "Counted",
    "Form",
    "Header",
    "News",
    "Occasion",
    "Opened",
    "Order",
    "Product",
    "Row",
    "Rows",
    "Snapshot",
    "SnapshotUnreadable",
    "Standing",
    "State",
    "Status",
    "Way",
    "Words",
    "applied",
    "changes_body",
    "compact_matches",
    "flags_of",
    "full_body",
    "holder_matches",
    "key_tag",
    "open_by_code",
    "open_by_pin",
    "read_snapshot",
    "read_status",
    "seal",
    "text_tag",
    "unsigned_snapshot",
    "write_snapshot",
    "write_status",
]
