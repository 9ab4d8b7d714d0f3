"""Addresses as pages write them: relative to the page, of the web alone, and never too long."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

from mobile_gateway.browser.state import URL_LETTERS_MAX


def resolved(base: str, href: str) -> str | None:
    """The absolute address that `href` means on the page `base`, fragment and all; None where none can be opened."""
    try:
        url = urljoin(base, href.strip())
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        return None
    if not usable or len(url) > URL_LETTERS_MAX or any(ord(char) < 0x21 for char in url):  # noqa: PLR2004 - the controls and the space
        return None
    return url
