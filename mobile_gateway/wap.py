"""The WAP gateway between phones and the web: fetches pages, compiles them, and tells trusted sites who asks.

Phones reach the hosts that the settings name and no others, whatever a page or a push says: whoever may send a message
could else make this machine ask its neighbours. The number goes to the same hosts, since the operator named each.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from http.cookiejar import CookieJar, DefaultCookiePolicy
from urllib.parse import urldefrag, urlsplit

import httpx
from pydantic import SecretStr

from mobile_gateway.browser.addresses import resolved
from mobile_gateway.browser.reading import tree_of
from mobile_gateway.browser.requests import Failure, Fetch, Loaded
from mobile_gateway.subscribers import Language, Model, Subscriber
from mobile_gateway.wire import wml
from mobile_gateway.wire.wbxml_writing import Unencodable
from mobile_gateway.wire.xmltree import Element, MalformedXml

HOME_HOST = "wap.home"
"""The host of the carrier's first page. The name exists only here."""
BODY_OCTETS_MAX = 32_768
"""Of a page as text; compiled it must be far smaller."""
REDIRECTS_MAX = 3
CONNECTIONS_MAX = 50
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_KEEPS_METHOD = frozenset({307, 308})

SCREENS: Mapping[Model, str] = {Model.FEATURE: "96x65", Model.FEATURE128: "128x128", Model.SMART: "128x128"}
"""Width and height in pixels, as `X-Screen` tells them. A smartphone's pages are shown as the large one's."""
_LANGUAGES: Mapping[Language, str] = {Language.KOREAN: "ko, en;q=0.5", Language.ENGLISH: "en, ko;q=0.5"}


@dataclass(frozen=True, slots=True)
class WapRules:
    """How this gateway was set. `hosts` are names without ports, in small letters."""

    hosts: frozenset[str]
    home_url: str | None = None
    number_header: str = "X-MSISDN"
    secret: SecretStr | None = None
    timeout_seconds: float = 10.0


class WapGateway:
    """Fetches for every phone; keeps nothing between two requests, no cookies either."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        rules: WapRules,
        *,
        subscriber: Callable[[str], Awaitable[Subscriber | None]],
    ) -> None:
        self._client = client
        self._rules = rules
        self._subscriber = subscriber

    async def fetch(self, number: str, request: Fetch) -> Loaded:
        """The page or picture for the phone of `number`, pages compiled; or why there is none. Raises nothing."""
        try:
            async with asyncio.timeout(self._rules.timeout_seconds):
                found = await self._found(request, await self._headers(number))
        except (TimeoutError, httpx.TimeoutException):
            found = _failed(request.url, Failure.TIMEOUT)
        except (httpx.HTTPError, httpx.InvalidURL):
            found = _failed(request.url, Failure.UNREACHABLE)
        return replace(compiled(found), asked=request.url)

    async def _found(self, request: Fetch, headers: Mapping[str, str]) -> Loaded:
        """The answer as it came, after at most three redirects, none of them out of the hosts that are allowed."""
        if urlsplit(request.url).hostname == HOME_HOST:
            if self._rules.home_url is None:
                return _no_home(request.url)
            request = replace(request, url=self._rules.home_url)
        for _ in range(REDIRECTS_MAX + 1):
            if urlsplit(request.url).hostname not in self._rules.hosts:
                return _failed(request.url, Failure.FORBIDDEN_ADDRESS)
            answer = await self._once(request, headers)
            if isinstance(answer, Loaded):
                return answer
            request = answer
        return _failed(request.url, Failure.UNREACHABLE)

    async def _once(self, request: Fetch, headers: Mapping[str, str]) -> Loaded | Fetch:
        """One request: its answer, or the request that it redirects to."""
        kind = {"Content-Type": request.content_type} if request.content_type else {}
        async with self._client.stream(
            request.method, request.url, content=request.body or None, headers={**headers, **kind}
        ) as response:
            if response.status_code in _REDIRECTS and "location" in response.headers:
                return _redirected(request, response)
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > BODY_OCTETS_MAX:
                    return _failed(request.url, Failure.TOO_LARGE)
            return Loaded(request.url, response.status_code, response.headers.get("content-type", ""), bytes(body))

    async def _headers(self, number: str) -> dict[str, str]:
        """Who asks, and what the phone can show."""
        subscriber = await self._subscriber(number)
        model = subscriber.model if subscriber else Model.FEATURE
        language = subscriber.language if subscriber else Language.ENGLISH
        headers = {
            "Accept": _accept(model),
            "Accept-Charset": "utf-8, euc-kr;q=0.5",
            "Accept-Encoding": "identity",
            "Accept-Language": _LANGUAGES[language],
            "User-Agent": f"Cyberticket-{SCREENS[model]}/1.0 WAP/1.1",
            "X-Screen": SCREENS[model],
            self._rules.number_header: number.removeprefix("+"),
        }
        if self._rules.secret:
            headers["X-Gateway-Secret"] = self._rules.secret.get_secret_value()
        return headers


@asynccontextmanager
async def opened(
    rules: WapRules,
    *,
    subscriber: Callable[[str], Awaitable[Subscriber | None]],
    transport: httpx.AsyncBaseTransport | None = None,
) -> AsyncIterator[WapGateway]:
    """A gateway with a client of its own for as long as the block lasts; `transport` stands in for the web in tests."""
    no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))  # else one phone would be another to a site
    async with httpx.AsyncClient(
        transport=transport,
        trust_env=False,  # the hosts that are allowed are reached directly
        timeout=rules.timeout_seconds,
        limits=httpx.Limits(max_connections=CONNECTIONS_MAX),
        cookies=no_cookies,
    ) as client:
        yield WapGateway(client, rules, subscriber=subscriber)


def compiled(found: Loaded) -> Loaded:
    """A page of text as the phone takes it, compiled; everything else as it came."""
    if found.failure or found.content_type.partition(";")[0].strip().lower() != wml.WML:
        return found
    try:
        octets = wml.compile(tree_of(found.body, found.content_type, octets_max=BODY_OCTETS_MAX))
    except (MalformedXml, Unencodable):
        # An error page that is no page still has its status, which says more.
        return replace(found, content_type="", body=b"", failure=Failure.MALFORMED if found.status < 400 else None)  # noqa: PLR2004 - from there on errors
    if len(octets) > wml.COMPILED_OCTETS_MAX:
        return _failed(found.url, Failure.TOO_LARGE)
    return replace(found, content_type=wml.WMLC, body=octets)


def _redirected(request: Fetch, response: httpx.Response) -> Fetch | Loaded:
    target = resolved(request.url, response.headers["location"])
    if target is None:
        return _failed(request.url, Failure.FORBIDDEN_ADDRESS)
    plain, _ = urldefrag(target)
    return replace(request, url=plain) if response.status_code in _KEEPS_METHOD else Fetch(plain)


def _accept(model: Model) -> str:
    """WML for every phone; those with the larger screen also read what phones of 2003 did."""
    kinds = [wml.WML, wml.WMLC, wml.WBMP]
    if model is not Model.FEATURE:
        kinds += [f"{wml.XHTML_MP};q=0.8", f"{wml.XHTML};q=0.7"]
    return ", ".join(kinds)


def _failed(url: str, failure: Failure) -> Loaded:
    return Loaded(url, 0, "", b"", failure)


def _no_home(url: str) -> Loaded:
    said = "This network has no start page. Set CYBERTICKET_GATEWAY_WAP_HOME_URL."
    deck = Element("wml", {}, (Element("card", {"title": "WAP"}, (Element("p", {}, (said,)),)),))
    return Loaded(url, 200, wml.WMLC, wml.compile(deck))
