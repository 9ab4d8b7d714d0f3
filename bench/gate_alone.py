"""How many tickets one core verifies without any network: the reference gate in Python, and its mirror in a browser."""

from __future__ import annotations

import base64
import importlib.util
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from app.cli.gate_folder import LogFile
from app.cli.gating import keys_of
from app.domain.admission import Post, Reason
from app.domain.credential import (
    Body,
    CodeId,
    Flag,
    Living,
    Signed,
    living_part,
    living_text,
    parse_presented,
    signed_text,
    step_of,
)
from app.domain.entry_rules import EntryRules
from app.domain.offline_gate import OfflineGate, Shown
from app.domain.snapshot import (
    Counted,
    Form,
    Header,
    Occasion,
    Product,
    Row,
    Status,
    full_body,
    read_snapshot,
    read_status,
    write_snapshot,
    write_status,
)
from app.domain.snapshot.edition import Edition
from app.domain.snapshot.header import seconds
from app.domain.snapshot_sheet import SnapshotSheet
from app.domain.ticket import Kind
from app.keys import KeyRing, compressed, verify_holder
from bench.client import BenchFailed
from bench.system import ON_DISK

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

SCRIPTS = Path(__file__).parents[1] / "app/web/static/gate"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
PAGE = "https://gate.example"
GATE, ISSUER, PRODUCT, OCCASION = (UUID(int=n) for n in range(1, 5))
OCCASION_CODE = 1
CURSOR = 1_000
FACES = ("CT1", "CTL")
KEPT_MAX = 300
"""So many entries tell how long one takes: each waits for the disk."""


@dataclass(frozen=True, slots=True)
class Speed:
    """One row: so many things in a second of one core."""

    name: str
    per_second: float


@dataclass(frozen=True, slots=True)
class Paper:
    """What a gate was given, as octets, and the tickets that are shown to it, by face."""

    ring: KeyRing
    snapshot: bytes
    status: bytes
    texts: dict[str, Sequence[str]]
    now: datetime

    def gate(self) -> OfflineGate:
        verify = self.ring.verifier.verify
        sheet = SnapshotSheet(read_snapshot(self.snapshot, verify)).with_status(read_status(self.status, verify))
        return OfflineGate(sheet, keys_of(sheet))


# --- what the gate is given -----------------------------------------------------------------------------------------


def paper(*, tickets: int, shown: int, now: datetime) -> Paper:
    """A snapshot of so many tickets, of which the first `shown` are presented, each by both faces."""
    ring, now = KeyRing.fresh(), now.replace(microsecond=0)
    begins, ends = now - timedelta(hours=1), now + timedelta(hours=6)
    edition = Edition(bytes(16), begins, bytes(32))
    product = Product(Kind.ADMISSION, {"ko": "봄날", "en": "Spring"}, EntryRules())
    edition.products[PRODUCT] = product
    span = (seconds(begins), seconds(ends))
    occasion = Occasion(OCCASION, OCCASION_CODE, PRODUCT, span, ends)
    category = '{"ko": "R석", "en": "R"}'
    for code in range(tickets):
        row = Row(
            edition.occasion(occasion),
            span,
            edition.text(category),
            row="A",
            seat=str(code),
            handset=f"{code % 10_000:04}",
        )
        edition.add((code, UUID(int=code)), row, code=code, way=None)
    header = Header(
        issuer=ISSUER,
        generation=1,
        post=Post(GATE, frozenset({OCCASION})),
        edition=edition.name,
        since=begins,
        cursor=CURSOR,
        made_at=now,
        expires_at=now + timedelta(hours=24),
        keys={"": tuple(jwk for jwk in ring.jwks()["keys"] if "barcode_kid" in jwk)},
        news=edition.news_from(0, edition.products),
    )
    signer = ring.signer
    snapshot = write_snapshot(header, edition.rows_from(0), kid=signer.kid, sign=signer.sign)
    body = full_body(bytes(tickets), list[Counted]())
    news = edition.news_from(tickets, {})
    standing = Status(edition.name, 0, CURSOR, now, tickets, tickets, Form.FULL, body, news, b"")
    status = write_status(standing, kid=signer.kid, sign=signer.sign)
    return Paper(ring, snapshot, status, _texts(ring, shown, begins, now), now)


def _texts(ring: KeyRing, shown: int, begins: datetime, now: datetime) -> dict[str, Sequence[str]]:
    """Every phone has a key of its own: no gate has it ready."""
    signer, signed, living = ring.signer, [], []
    for code in range(shown):
        body = Body(signer.kid, CodeId(code), OCCASION_CODE, 1, seconds(begins) // 60, 420, Flag(0))
        signed.append(signed_text(body, signer.sign))
        key = ec.generate_private_key(ec.SECP256R1())
        part = living_part(body, compressed(key.public_key()), signer.sign)
        living.append(living_text(part, step_of(now), _signing(key)))
    return {"CT1": signed, "CTL": living}


def _signing(key: ec.EllipticCurvePrivateKey) -> Callable[[bytes], bytes]:
    def sign(message: bytes) -> bytes:
        r, s = decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    return sign


# --- in Python ------------------------------------------------------------------------------------------------------


def in_python(given: Paper) -> list[Speed]:
    """Reading and verifying alone; the whole decision; the whole decision and its entry on the disk."""
    found = []
    for face in FACES:
        texts = given.texts[face]
        few = texts[:KEPT_MAX]
        found += [
            Speed(f"Python: {face} read and verified", len(texts) / _verify(given, texts)),
            Speed(f"Python: {face} decided", len(texts) / _decide(given, texts)),
            Speed(f"Python: {face} decided and kept on the disk", len(few) / _keep(given, few)),
        ]
    return found


def _verify(given: Paper, texts: Sequence[str]) -> float:
    verify = given.ring.verifier.verify
    began = time.perf_counter()
    good = 0
    for text in texts:
        match parse_presented(text):
            case Signed() as read:
                good += read.is_genuine(verify)
            case Living() as read:
                good += read.is_genuine(verify, verify_holder)
            case _:
                pass
    took = time.perf_counter() - began
    return _all_of(texts, good, took)


def _decide(given: Paper, texts: Sequence[str]) -> float:
    gate = given.gate()
    began = time.perf_counter()
    good = 0
    for number, text in enumerate(texts):
        told = gate.present(Shown(str(number), text), now=given.now)
        assert told.linked is not None, "each scan is new"
        gate.note(told.linked)
        good += told.reason is Reason.ADMITTED
    return _all_of(texts, good, time.perf_counter() - began)


def _keep(given: Paper, texts: Sequence[str]) -> float:
    """As `cyberticket gate` does: each entry is synced to the disk before the next ticket."""
    gate, good = given.gate(), 0
    with (
        tempfile.TemporaryDirectory(prefix="cyberticket-bench-", dir=ON_DISK) as folder,
        LogFile.opened(Path(folder) / "log.jsonl", gate_id=GATE, generation=1) as log,
    ):
        began = time.perf_counter()
        for number, text in enumerate(texts):
            told = gate.present(Shown(str(number), text), now=given.now)
            assert told.linked is not None, "each scan is new"
            log.append(told.linked)
            gate.note(told.linked)
            good += told.reason is Reason.ADMITTED
        took = time.perf_counter() - began
    return _all_of(texts, good, took)


def _all_of(texts: Sequence[str], good: int, took: float) -> float:
    if good != len(texts):
        raise BenchFailed(f"{len(texts) - good} of {len(texts)} genuine tickets were refused")
    return took


# --- in a browser ---------------------------------------------------------------------------------------------------

MEASURE = """async ({ keys, snapshot, status, faces, now }) => {
  const { barcodeKeys, isGenuine, parsePresented } = await import("/credential.js");
  const { OfflineGate } = await import("/gate.js");
  const { SnapshotSheet } = await import("/sheet.js");
  const { readSnapshot, readStatus } = await import("/snapshot.js");
  const octets = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const ring = await barcodeKeys(keys);
  const found = {};
  const began = performance.now();
  const whole = await readSnapshot(octets(snapshot), ring);
  found.read_ms = performance.now() - began;
  for (const [face, texts] of Object.entries(faces)) {
    let [start, good] = [performance.now(), 0];
    for (const text of texts) good += (await isGenuine(parsePresented(text), ring)) ? 1 : 0;
    const verified = (texts.length * 1000) / (performance.now() - start);
    const sheet = await new SnapshotSheet(whole).withStatus(await readStatus(octets(status), ring));
    const gate = await OfflineGate.open(sheet, new Map([["", ring]]));
    start = performance.now();
    for (const [number, text] of texts.entries()) {
      const told = await gate.present({ scanId: String(number), text }, now);
      gate.note(told.linked);
      good += told.entry.reason === "admitted" ? 1 : 0;
    }
    const decided = (texts.length * 1000) / (performance.now() - start);
    found[face] = { verified, decided, good };
  }
  return found;
}"""


def in_browser(given: Paper) -> list[Speed] | str:
    """The same in Chromium, in one page's thread; without one, a sentence that says so."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None or importlib.util.find_spec("playwright") is None:
        return "No Chromium is here: install the system package `chromium` to measure the gate in a browser."
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - a machine without it measures the rest

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=[*FLAGS])
        try:
            page = browser.new_page()
            page.route(f"{PAGE}/**", _answer)
            page.goto(f"{PAGE}/")
            return _measured(page, given)
        finally:
            browser.close()


def _answer(route: Route) -> None:
    path = SCRIPTS / route.request.url.removeprefix(f"{PAGE}/")
    if path.suffix == ".js":
        route.fulfill(body=path.read_bytes(), headers={"Content-Type": "text/javascript"})
    else:
        route.fulfill(body="<!doctype html><title>gate</title>", headers={"Content-Type": "text/html"})


def _measured(page: Page, given: Paper) -> list[Speed]:
    asked: dict[str, Any] = {
        "keys": given.ring.jwks(),
        "snapshot": base64.b64encode(given.snapshot).decode(),
        "status": base64.b64encode(given.status).decode(),
        "faces": {face: list(texts) for face, texts in given.texts.items()},
        "now": int(given.now.timestamp() * 1000),
    }
    told = page.evaluate(MEASURE, asked)
    found = []
    for face in FACES:
        one = told[face]
        if one["good"] != 2 * len(given.texts[face]):
            raise BenchFailed(f"the gate in the browser refused genuine {face} codes")
        found += [
            Speed(f"Chromium: {face} read and verified", one["verified"]),
            Speed(f"Chromium: {face} decided", one["decided"]),
        ]
    return found


def measured(*, tickets: int, shown: int) -> tuple[list[Speed], str]:
    """All rows, and what could not be measured."""
    given = paper(tickets=tickets, shown=shown, now=datetime.now(UTC))
    found, browser = in_python(given), in_browser(given)
    return (found, browser) if isinstance(browser, str) else (found + browser, "")
