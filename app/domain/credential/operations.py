"""What a key can do for a credential. The keys themselves stay outside: what they do comes in as a callable."""

from __future__ import annotations

from collections.abc import Callable
from typing import NewType

Mac = Callable[[bytes], bytes]
"""HMAC-SHA256 under one key: message in, 32 octets out."""
Sign = Callable[[bytes], bytes]
"""ES256 under one private key: message in, r and s out, 64 octets (RFC 7518 section 3.4)."""
Verify = Callable[[int, bytes, bytes], bool]
"""Whether (kid, message, signature) holds under the issuer's barcode key with that index."""
VerifyHolder = Callable[[bytes, bytes, bytes], bool]
"""Whether (public key, message, signature) holds. The key is a compressed P-256 point (SEC 1 section 2.3.3), 33 octets;
octets that are no point are a no."""

SIGNATURE_BYTES = 64

CodeId = NewType("CodeId", int)
"""64 random bits that name a ticket inside its barcodes; unlike the number, too many to be guessed or walked."""
