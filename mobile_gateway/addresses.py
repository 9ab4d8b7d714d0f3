"""Which addresses of others this network may call: public ones, and hosts that the settings name.

The name is resolved once and the very address that was checked is called, so a name that changes its mind between
the check and the call leads nowhere.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Collection

import httpx

Resolve = Callable[[str, int], Awaitable[list[str]]]

URL_LETTERS_MAX = 2048


async def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host; none where it has none."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return [str(address[4][0]) for address in found]


class Addresses:
    """The filter against requests that somebody else makes us send into our own network."""

    def __init__(self, hosts: Collection[str], *, resolve: Resolve = resolve) -> None:
        self._hosts = frozenset(host.lower() for host in hosts)
        self._resolve = resolve

    async def request(self, method: str, url: str) -> httpx.Request | None:
        """A request for `url` to an address that was checked; None where it may not be called."""
        try:
            target = httpx.URL(url)
        except httpx.InvalidURL:
            return None
        if target.scheme not in {"http", "https"} or not target.host or len(url) > URL_LETTERS_MAX or target.userinfo:
            return None
        if target.host.lower() in self._hosts:
            return httpx.Request(method, target)
        port = target.port or (443 if target.scheme == "https" else 80)
        addresses = await self._resolve(target.host, port)
        if not addresses or not all(_is_public(address) for address in addresses):
            return None
        pinned = target.copy_with(host=addresses[0])
        extensions = {"sni_hostname": target.host} if target.scheme == "https" else {}
        return httpx.Request(method, pinned, headers={"Host": target.netloc.decode()}, extensions=extensions)


def _is_public(address: str) -> bool:
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None) or found
    return bool(mapped.is_global) and not mapped.is_multicast
