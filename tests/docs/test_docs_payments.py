"""The payment network's pages: what they tell to type works beside one, and their tables are the code's."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from docs_pages import ROOT, all_blocks, name_of
from docs_shell import pattern, promised, typed
from pydantic import SecretStr

from app.payments.sandbox import NetworkSettings, create_network
from app.payments.sandbox.cards import ALL_CARDS, FAULTY_CARDS
from app.payments.sandbox.events import TYPES
from app.payments.sandbox.faults import What, Where
from app.payments.sandbox.outbox import WAITS_SECONDS
from app.payments.sandbox.states import DisputeStatus

MARK = "the payment network"
HOW_TO = ROOT / "docs/how-to/run-the-payment-network.md"
PAGE = (ROOT / "docs/reference/payment-network.md").read_text(encoding="utf-8")
KEYS = ["--secret-key=sk_test_0123456789abcdef", "--publishable-key=pk_test_0123456789abcdef"]
START_SECONDS = 110


@pytest.fixture(scope="module")
def network() -> Iterator[tuple[Path, Mapping[str, str]]]:
    """A folder to work in, and where a fresh network really is by where the page says that it is."""
    folder = Path(tempfile.mkdtemp(prefix="cyberticket-docs-payments-"))
    told = folder / "out.txt"
    command = [str(Path(sys.executable).with_name("cyberticket")), "payment-network", "--port=0", *KEYS]
    with told.open("wb") as output:
        program = subprocess.Popen(
            [*command, "--return-origin=http://127.0.0.1:8000", f"--data={folder / 'network'}"],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={name: value for name, value in os.environ.items() if not name.startswith("CYBERTICKET_")},
        )
    try:
        yield folder, {"http://127.0.0.1:8402": _address(program, told)}
    finally:
        program.send_signal(signal.SIGINT)
        program.wait(timeout=30)
        shutil.rmtree(folder)


def _address(program: subprocess.Popen[bytes], told: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    while True:
        said = told.read_text("utf-8")
        if found := re.search(r"listens on (http://127\.0\.0\.1:[0-9]+)", said):
            return found[1]
        assert program.poll() is None, f"the network ended: {said[-2_000:]}"
        assert time.monotonic() < deadline, f"the network is not up: {said[-2_000:]}"
        time.sleep(0.05)


def test_what_the_how_to_tells_to_type_shows_what_it_says(network: tuple[Path, Mapping[str, str]]) -> None:
    folder, addresses = network
    printed, said = typed(HOW_TO, folder, mark=MARK, addresses=addresses), promised(HOW_TO, mark=MARK)
    assert said
    assert pattern(said).fullmatch(printed), f"the page says:\n{said}\nit was:\n{printed}"


def test_no_other_page_has_blocks_for_a_payment_network_that_no_test_would_type() -> None:
    assert {name_of(block.page) for block in all_blocks("bash") if block.run == MARK} == {name_of(HOW_TO)}


def section(heading: str) -> str:
    return PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]


def test_the_cards_and_their_table_are_the_same() -> None:
    rows = re.findall(r"^\| (\d{16}) \| `(pm_card_\w+)` \| (.+) \|$", section("The cards"), re.MULTILINE)

    assert {(number, token) for number, token, _ in rows} == {(card.number, card.token) for card in ALL_CARDS}
    faulty = {card.number: card.behaviour.value for card in FAULTY_CARDS}
    said = {number: re.findall("fault `(\\w+)`", words) for number, _, words in rows}
    assert {number: words[0] for number, words in said.items() if words} == faulty


def test_the_endpoints_and_their_table_are_the_same() -> None:
    settings = NetworkSettings(
        data_dir=Path("/nowhere"),
        secret_key=SecretStr("sk_test_0123456789abcdef"),
        publishable_key="pk_test_0123456789abcdef",
    )
    paths = create_network(settings).openapi()["paths"]  # described, never started
    real = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}

    assert set(re.findall(r"`((?:GET|POST|PUT|PATCH|DELETE) [^`]+)`", section("The endpoints"))) == real


def test_the_events_and_their_table_are_the_same() -> None:
    assert re.findall(r"`((?:payment_intent|charge|refund)\.[a-z_.]+)`", section("Webhooks")) == list(TYPES)


def test_the_waits_of_webhooks_are_those_of_the_code() -> None:
    (words,) = re.findall(r"After a failure it waits (.*?) each time", " ".join(section("Webhooks").split()))
    units = {"s": 1, "min": 60, "h": 3_600}
    assert [int(count) * units[unit] for count, unit in re.findall(r"(\d+) (s|min|h)", words)] == list(WAITS_SECONDS)


@pytest.mark.parametrize(
    ("heading", "words"),
    [("Faults", {*What, *Where}), ("Refunds and disputes", set(DisputeStatus))],
    ids=["faults", "disputes"],
)
def test_a_section_names_every_word_of_the_code(heading: str, words: set[str]) -> None:
    assert sorted(word for word in words if f"`{word}`" not in section(heading)) == []
