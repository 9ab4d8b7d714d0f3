"""Addresses that we hand to carriers who sign nothing: a receipt that comes back there proves that we asked for it."""

from __future__ import annotations

import hmac

from pydantic import SecretStr

TOKEN_LETTERS = 32


class Callbacks:
    """Makes and knows tokens. Each is good for one purpose and one name only, and cannot be made without our secret."""

    def __init__(self, secret: SecretStr) -> None:
        self._secret = secret.get_secret_value().encode()

    def token(self, purpose: str, name: str) -> str:
        """What stands in the address: 128 bits that only we could have written."""
        return hmac.digest(self._secret, f"cyberticket/{purpose}\0{name}".encode(), "sha256").hex()[:TOKEN_LETTERS]

    def is_ours(self, purpose: str, name: str, token: str) -> bool:
        return hmac.compare_digest(self.token(purpose, name).encode(), token.encode("utf-8", "replace"))
