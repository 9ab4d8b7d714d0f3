"""The patent's ten steps on a phone alone: its keys, the words on its screen and its pixels, and nothing else of it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from e2e_kit import COMMAND, cyberticket, data_folder, read_json
from phone_kit import Holder
from programs_kit import scanned

from app import samples

BROWSER_PHONE, TEXT_PHONE = "+821055500001", "+821055500002"
THEATRE = "haneul-arts-theatre"
START_SECONDS = 110


@dataclass(frozen=True, slots=True)
class Town:
    """A running demo, whose theatre opens its doors days before the play: nobody has to wait for the gate."""

    http: httpx.Client
    facts: dict[str, str]

    def holder(self, number: str) -> Holder:
        """A feature phone that was just taken out of its box."""
        gateway = self.facts["gateway_url"]
        body = {"model": "feature", "language": "en"}
        self.http.put(f"{gateway}/subscribers/{number}", json=body).raise_for_status()
        return Holder(self.http, gateway, number)

    def admits(self, presented: str) -> bool:
        """What a gate of the theatre says."""
        bearer = {"Authorization": f"Bearer {self._gate()}"}
        body = {"scan_id": os.urandom(8).hex(), "presented": presented}
        return bool(self._post("/gate/admissions", body, bearer)["admit"])

    def _gate(self) -> str:
        staff = {"Authorization": f"Bearer {self.facts['staff_key']}"}
        code = str(self._post("/staff/gates", {"issuer": THEATRE, "name": "Door"}, staff)["code"])
        return str(self._post("/gate/enrolments", {"code": code}, {})["token"])

    def _post(self, path: str, body: dict[str, str], headers: dict[str, str]) -> dict[str, object]:
        headers = {"Idempotency-Key": os.urandom(8).hex(), **headers}
        answer = self.http.post(self.facts["app_url"] + path, json=body, headers=headers)
        found: dict[str, object] = answer.raise_for_status().json()
        return found


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    with data_folder() as folder, httpx.Client(timeout=20, trust_env=False) as http, _demo(folder) as facts:
        here = {"CYBERTICKET_DEMO": "true", "CYBERTICKET_DATA_DIR": str(folder / "data")}
        done = cyberticket("import", "catalogue", str(_early_doors(folder)), env=here)
        assert done.returncode == 0, done.stderr
        yield Town(http, facts)


@contextmanager
def _demo(folder: Path) -> Iterator[dict[str, str]]:
    told = folder / "demo.json"
    words = ("demo", "--port", "0", "--gateway-port", "0", "--data", str(folder / "data"), "--json", str(told))
    process = subprocess.Popen([*COMMAND, *words], stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not (told.exists() and told.read_text().endswith("}\n")):
            assert process.poll() is None, "the demo ended before it was up"
            assert time.monotonic() < deadline, "the demo did not come up within a minute"
            time.sleep(0.05)
        yield read_json(told)
    finally:
        process.terminate()
        process.wait(START_SECONDS)


def _early_doors(folder: Path) -> Path:
    """The sample catalogue again, with a play that lets its audience in from a week before."""
    for plan in samples.CATALOGUE.parent.glob("*.json"):
        shutil.copy(plan, folder)
    text = samples.CATALOGUE.read_text()
    assert "admits_from: start-1h" in text
    early = folder / "early-doors.yaml"
    early.write_text(text.replace("admits_from: start-1h", "admits_from: start-7d"))
    return early


def test_a_ticket_is_found_bought_kept_and_used_with_the_keys_of_a_phone(town: Town) -> None:
    phone = town.holder(BROWSER_PHONE)
    # 1, 2: to the shop, and what is wanted: a play, a date, a kind of seat; three of a kind of which there are two
    phone.press("ok")
    phone.choose("WAP internet", "Shows", "The Post Office", "19:30", "Extra chair", "How many")
    phone.press("back", "3", "ok")
    # 3 to 5: the issuer says no, a second choice is there, and it shall go to this very phone
    phone.choose("Best seats", "Mine")
    assert "Just sold out." in phone.text
    phone.choose("A seat")
    # 6, 7: e-money that it has none of, so another means
    phone.choose("E-money", "6-digit PIN")
    phone.press(*"123456", "ok")
    phone.choose("Pay")
    assert "PIN is wrong" in phone.words
    phone.choose("Phone bill", "Pay")
    assert "Paid." in phone.text
    # 8, 9: the ticket is made, looked at, and kept in the phone's memory
    phone.choose("Ticket ")
    phone.wait("[Picture]")
    phone.press("soft_left")
    phone.choose("Save")
    assert "Ticket saved" in phone.text
    # 10: called up without the network, its barcode opens the gate
    phone.press("end", "ok")
    phone.choose("My tickets")
    phone.press("ok")
    assert phone.text.startswith("Barcode: ")
    (code,) = scanned(phone.glass())
    assert town.admits(code)
    assert not town.admits(code)


def test_a_ticket_is_bought_by_text_message_and_its_number_opens_the_gate(town: Town) -> None:
    phone = town.holder(TEXT_PHONE)
    phone.send_text("1588", "buy 1001b")
    phone.wait("New message")
    phone.press("soft_right")
    assert "44,000: YES by phone bill" in phone.read()
    phone.send_text("1588", "yes")
    phone.wait("2 new messages")
    phone.press("soft_right")
    said = []
    for _ in range(2):
        phone.press("ok")
        said.append(phone.read())
        phone.press("back", "down")
    assert any("paid KRW 44,000" in one for one in said)
    ticket = re.search(r"No (\d{9}-\d) PIN (\d{6})", " ".join(said))
    assert ticket, said
    assert town.admits(f"{ticket[1]} {ticket[2]}")
