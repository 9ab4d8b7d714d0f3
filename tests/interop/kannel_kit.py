"""Kannel, started by hand on ports of its own: bearerbox, smsbox and wapbox, bound to one message centre."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import httpx
from carrier_kit import PASSWORD, Carrier
from peers_kit import Ear, Tap, free_port, running, until

SMSC = """
group = smsc
smsc = smpp
smsc-id = ours
host = 127.0.0.1
{door}
smsc-username = {account}
smsc-password = {password}
system-type = ""
reconnect-delay = 1
"""

CONFIGURATION = """
group = core
admin-port = {admin}
admin-interface = 127.0.0.1
admin-password = bar
smsbox-port = {smsbox}
smsbox-interface = 127.0.0.1
wapbox-port = {wapbox}
box-allow-ip = "127.0.0.1"
log-file = "{folder}/bearerbox.log"
log-level = 0
sms-resend-freq = 1

{smscs}group = smsbox
smsbox-id = box
bearerbox-host = 127.0.0.1
sendsms-port = {sendsms}
sendsms-interface = 127.0.0.1
mo-recode = true
log-file = "{folder}/smsbox.log"
log-level = 0

group = smsbox-route
smsbox-id = box
smsc-id = ours

group = sendsms-user
username = t
password = t
max-messages = 10
default-sender = 1588
concatenation = true

group = sms-service
keyword = default
get-url = "{ear}/mo?id=%I&from=%p&to=%P&text=%a"
max-messages = 0
catch-all = true

group = wapbox
bearerbox-host = 127.0.0.1
log-file = "{folder}/wapbox.log"
log-level = 0

group = ppg
ppg-url = /wappush
ppg-port = {ppg}
ppg-allow-ip = "127.0.0.1"
trusted-pi = false
users = 1
service-name = ppg
global-sender = 1588

group = wap-push-user
wap-push-user = pi
ppg-username = pi
ppg-password = {password}
allow-ip = "127.0.0.1"
"""


@dataclass(frozen=True)
class Kannel:
    """Kannel, bound."""

    http: httpx.AsyncClient
    admin: int
    sendsms: int
    ppg: int
    ear: Ear
    folder: Path

    @property
    def push_url(self) -> str:
        """Of its push proxy gateway."""
        return f"http://127.0.0.1:{self.ppg}/wappush"

    async def send(self, to: str, text: str, *, sender: str = "1588", mask: int = 27, **more: str | int) -> str:
        """Ask smsbox for one text message, with receipts to our ear at a path that is given back."""
        path = f"/dlr/{to.lstrip('+')}"
        dlr = f"{self.ear.url}{path}?type=%d&id=%F&said=%A&smsc=%i"
        asked = {"username": "t", "password": "t", "from": sender, "to": to, "text": text, "charset": "UTF-8"}
        query = urlencode({**asked, "dlr-mask": mask, "dlr-url": dlr, "smsc": "ours", **more})
        answer = await self.http.get(f"http://127.0.0.1:{self.sendsms}/cgi-bin/sendsms?{query}")
        assert answer.status_code == 202, answer.text
        return path

    async def status(self) -> str:
        """The page of bearerbox; empty while it does not answer."""
        try:
            return (await self.http.get(f"http://127.0.0.1:{self.admin}/status.txt?password=bar")).text
        except httpx.TransportError:
            return ""

    async def is_bound(self) -> bool:
        return "(online" in await self.status()


@dataclass(frozen=True)
class Peers:
    """Everybody who is there, for tests that meet most of them."""

    carrier: Carrier
    kannel: Kannel
    tap: Tap
    ear: Ear
    folder: Path


@asynccontextmanager
async def a_kannel(
    folder: Path, *, smsc_port: int, ear: Ear, carrier: Carrier, split: bool = False
) -> AsyncIterator[Kannel]:
    """All three boxes, bound to the message centre at this port of loopback; `split` as transmitter and as receiver."""
    assert carrier.smpp_port
    ports = {name: free_port() for name in ("admin", "smsbox", "wapbox", "sendsms", "ppg")}
    doors = [f"port = {smsc_port}", f"receive-port = {smsc_port}"]
    if not split:
        doors = [f"port = {smsc_port}\ntransceiver-mode = true"]
    smscs = (
        "".join(SMSC.format(door=door, account="split" if split else "kannel", password=PASSWORD) for door in doors)
        + "\n"
    )
    written = CONFIGURATION.format(folder=folder, smscs=smscs, ear=ear.url, password=PASSWORD, **ports)
    _write(folder, written)
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx.AsyncClient())
        kannel = Kannel(http, ports["admin"], ports["sendsms"], ports["ppg"], ear, folder)
        await stack.enter_async_context(running("bearerbox", "kannel.conf", folder=folder))
        await until(kannel.is_bound, f"bearerbox did not bind; see {folder}")
        for box in ("smsbox", "wapbox"):
            await stack.enter_async_context(running(box, "kannel.conf", folder=folder))

        async def both() -> bool:
            status = await kannel.status()
            return "smsbox:box" in status and "wapbox" in status

        await until(both, f"the boxes did not come up; see {folder}")
        yield kannel


def _write(folder: Path, configuration: str) -> None:
    folder.mkdir()
    (folder / "kannel.conf").write_text(configuration, encoding="utf-8")
