"""Outward: HTTP connections to one peer, at a cost that does not grow with their number.

httpx's own pool looks at every connection it keeps, and asks the kernel about each, whenever a request comes or goes:
with fifty of them that takes longer than the request itself. Here each connection is a pool of one, and the one that
was used last is used next.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import httpx

ONE = httpx.Limits(max_connections=1, max_keepalive_connections=1)


class Outward(httpx.AsyncBaseTransport):
    """A transport of at most `connections_max` connections; who asks when all are taken waits for one."""

    def __init__(self, *, connections_max: int) -> None:
        self._room = asyncio.Semaphore(connections_max)
        self._idle: list[httpx.AsyncHTTPTransport] = []
        self._trust = httpx.create_ssl_context(trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Raises PoolTimeout where none becomes free in the request's time for that, and what a transport raises."""
        try:
            async with asyncio.timeout(request.extensions.get("timeout", {}).get("pool")):
                await self._room.acquire()
        except TimeoutError:
            raise httpx.PoolTimeout("every connection to this peer is taken", request=request) from None
        line = self._idle.pop() if self._idle else httpx.AsyncHTTPTransport(verify=self._trust, limits=ONE)
        try:
            response = await line.handle_async_request(request)
        except BaseException:
            self._put_back(line)  # a pool drops the connection that broke and opens another
            raise
        assert isinstance(response.stream, httpx.AsyncByteStream), "an asynchronous transport answers so"
        response.stream = _Body(response.stream, partial(self._put_back, line))
        return response

    def _put_back(self, line: httpx.AsyncHTTPTransport) -> None:
        self._idle.append(line)
        self._room.release()

    async def aclose(self) -> None:
        while self._idle:
            await self._idle.pop().aclose()


class _Body(httpx.AsyncByteStream):
    """A body whose end sets its connection free."""

    def __init__(self, body: httpx.AsyncByteStream, at_the_end: Callable[[], None]) -> None:
        self._body = body
        self._at_the_end: Callable[[], None] | None = at_the_end

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._body:
            yield chunk

    async def aclose(self) -> None:
        try:
            await self._body.aclose()
        finally:
            at_the_end, self._at_the_end = self._at_the_end, None
            if at_the_end is not None:
                at_the_end()


class Plain(httpx.AsyncClient):
    """A client for programs: it keeps no cookies, is told whom to follow, and is deaf to the environment.

    A request goes to the transport as it is; reading cookies alone takes longer than our own part in an exchange.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport, *, timeout: httpx.Timeout | float = 5.0) -> None:
        super().__init__(transport=transport, timeout=timeout, trust_env=False, follow_redirects=False)
        self._way = transport

    async def send(
        self,
        request: httpx.Request,
        *,
        stream: bool = False,
        auth: Any = httpx.USE_CLIENT_DEFAULT,
        follow_redirects: Any = False,
    ) -> httpx.Response:
        """Raises what the transport raises; the answer is read to its end unless it is wanted as a `stream`.

        Whoever signs in by httpx's own means, which may take several requests, has the whole client.
        """
        if auth is not httpx.USE_CLIENT_DEFAULT or follow_redirects is True:
            return await super().send(request, stream=stream, auth=auth, follow_redirects=follow_redirects)
        response = await self._way.handle_async_request(request)
        response.request = request
        if not stream:
            try:
                await response.aread()
            finally:
                await response.aclose()
        return response
