"""The carrier network's pages: what they tell to type works beside a network, and their tables are the code's."""

from __future__ import annotations

import json
import os
import re
import runpy
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from fnmatch import fnmatch
from pathlib import Path

import pytest
from docs_pages import PAGES, ROOT, Block, all_blocks, blocks, name_of
from docs_shell import pattern, promised, typed
from fastapi import FastAPI
from pydantic import BaseModel, SecretStr, ValidationError

from app.channels import smpp_address
from app.channels.callbacks import Callbacks
from app.channels.kannel import messages_path
from mobile_gateway.api.admin import FaultsIn, RulesIO, ScriptIO
from mobile_gateway.api.billing import ChargeIn, PaymentOut
from mobile_gateway.api.problems import Problem
from mobile_gateway.api.schemas import KeyIn, OriginateIn, SubmitIn, SubmittedOut, SubscriberIn
from mobile_gateway.callbacks import body_of
from mobile_gateway.carrier.faults import Fate
from mobile_gateway.carrier.messages import State, Way
from mobile_gateway.carrier.outgoing import Kind, Outgoing
from mobile_gateway.gateway import create_app
from mobile_gateway.keys import Key
from mobile_gateway.settings import GatewaySettings
from mobile_gateway.subscribers import Model, SubscriberState
from mobile_gateway.wire.pap import Code
from mobile_gateway.wire.smpp import Status

MARK = "the network"
HOW_TO = ROOT / "docs/how-to/run-the-carrier-network.md"
MAKE_SMPP = runpy.run_path(str(ROOT / "docs" / "make_smpp.py"))
START_SECONDS = 110


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


API_PAGE = text_of("docs/reference/carrier-network.md")


# --- typed beside a network -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def network() -> Iterator[tuple[Path, Mapping[str, str]]]:
    """A folder to work in, and where a fresh network really is by where the page says that it is."""
    folder = Path(tempfile.mkdtemp(prefix="cyberticket-docs-network-"))
    told = folder / "out.txt"
    command = [str(Path(sys.executable).with_name("cyberticket")), "mobile-gateway", "--http-port=0", "--smpp-port=0"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CYBERTICKET_")}
    with told.open("wb") as output:
        program = subprocess.Popen(
            [*command, "--account=shop:secret12", f"--data={folder / 'network'}"],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**environment, "CYBERTICKET_GATEWAY_SHORT_CODES": "1588:shop"},
        )
    try:
        yield folder, _addresses(program, told)
    finally:
        program.send_signal(signal.SIGINT)
        program.wait(timeout=30)
        shutil.rmtree(folder)


def _addresses(program: subprocess.Popen[bytes], told: Path) -> Mapping[str, str]:
    deadline = time.monotonic() + START_SECONDS
    while True:
        said = told.read_text("utf-8")
        if found := re.search(r"mobile gateway: (http://\S+)\nsmpp: \S+:([0-9]+)\n", said):
            return {"http://127.0.0.1:8090": found[1], "2775": found[2]}
        assert program.poll() is None, f"the network ended: {said[-2_000:]}"
        assert time.monotonic() < deadline, f"the network is not up: {said[-2_000:]}"
        time.sleep(0.05)


def test_what_the_how_to_tells_to_type_shows_what_it_says(network: tuple[Path, Mapping[str, str]]) -> None:
    folder, addresses = network
    printed, said = typed(HOW_TO, folder, mark=MARK, addresses=addresses), promised(HOW_TO, mark=MARK)
    assert said
    assert pattern(said).fullmatch(printed), f"the page says:\n{said}\nit was:\n{printed}"


def test_no_other_page_has_blocks_for_a_network_that_no_test_would_type() -> None:
    assert {name_of(block.page) for block in all_blocks("bash") if block.run == MARK} == {name_of(HOW_TO)}


# --- SMPP -----------------------------------------------------------------------------------------------------------


def test_the_page_of_smpp_is_fresh() -> None:
    assert text_of("docs/reference/smpp.md") == MAKE_SMPP["page"](), "run `python docs/make_smpp.py`"


def test_the_page_of_smpp_says_when_for_every_status_that_the_message_centre_answers_with() -> None:
    rooms = (ROOT / "mobile_gateway/smsc", ROOT / "mobile_gateway/wire/smpp")
    sources = [path.read_text("utf-8") for room in rooms for path in sorted(room.glob("*.py"))]
    named = {name for source in sources for name in re.findall(r"\bStatus\.(R[A-Z_]+)\b", source)}
    # The last is what a peer says to us.
    assert {status.name for status in MAKE_SMPP["WHEN"]} == named - {Status.ROK.name, Status.RX_T_APPN.name}


# --- HTTP -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def app() -> FastAPI:
    """The gateway, never started."""
    return create_app(GatewaySettings(data_dir=Path("/nowhere")))


def section(heading: str) -> str:
    return API_PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]


def test_the_endpoints_and_their_page_are_the_same(app: FastAPI) -> None:
    paths = app.openapi()["paths"]
    real = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    assert set(re.findall(r"`((?:GET|POST|PUT|PATCH|DELETE) [^`]+)`", section("The endpoints"))) == real


EXAMPLES = [block for block in blocks(ROOT / "docs/reference/carrier-network.md") if block.language == "json"]
BODIES: tuple[type[BaseModel], ...] = (
    SubmitIn,
    SubmittedOut,
    SubscriberIn,
    KeyIn,
    OriginateIn,
    FaultsIn,
    ScriptIO,
    RulesIO,
    ChargeIn,
    PaymentOut,
)
"""What is sent and answered as JSON; a body in is valid only if it has no field too many."""


def told(kind: Kind, state: State | None = None, error: str | None = None) -> list[str]:
    """The fields of what is posted to an account, in their order."""
    at = datetime(2026, 11, 22, tzinfo=UTC)
    one = Outgoing(1, "shop", Way.HTTP, kind, "m1", "+821087654321", "1588", at, b"HELP", state=state, error=error)
    return list(json.loads(body_of(one)))


def is_read(model: type[BaseModel], text: str) -> bool:
    try:
        model.model_validate_json(text)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_every_example_is_a_body_that_the_network_takes_or_says(example: Block) -> None:
    said = [told(Kind.MESSAGE), told(Kind.RECEIPT, State.EXPIRED, "handset off or out of reach")]
    assert list(json.loads(example.text)) in said or any(is_read(model, example.text) for model in BODIES)


@pytest.mark.parametrize("model", BODIES, ids=lambda model: model.__name__)
def test_every_body_has_an_example(model: type[BaseModel]) -> None:
    assert any(is_read(model, example.text) for example in EXAMPLES)


@pytest.mark.parametrize(
    ("heading", "words"),
    [
        ("Messages", set(State) - {State.ACCEPTED, State.UNKNOWN}),
        ("Phones", {*SubscriberState, *Model, *(set(Key) - set("123456789"))}),
        ("Faults", {*Fate, *(set(FaultsIn.model_fields) - {"seed"})}),
    ],
    ids=["messages", "phones", "faults"],
)
def test_a_section_names_every_word_that_its_requests_and_answers_have(heading: str, words: set[str]) -> None:
    assert sorted(word for word in words if f"`{word}`" not in section(heading)) == []


def test_every_problem_that_the_page_names_exists() -> None:
    real = {(problem.value.status, problem.value.slug) for problem in Problem}
    named = {(int(status), slug) for status, slug in re.findall(r"\b(4\d\d) `([a-z-]+)`", API_PAGE)}
    assert named
    assert named <= real


def test_every_code_of_the_push_access_protocol_that_the_page_names_exists() -> None:
    named = set(
        re.findall(r"\b([1-5]0[01][0-9])\b", text_of("docs/reference/wap.md").split("## PAP")[1].split("\n## ")[0])
    )
    assert len(named) > 10
    assert {int(code) for code in named} <= set(map(int, Code))


# --- rooms ----------------------------------------------------------------------------------------------------------


def test_every_room_of_the_carrier_network_stands_on_the_architecture_page_once() -> None:
    page = text_of("docs/reference/architecture.md").split("## What is in the carrier network")[1].split("\n## ")[0]
    patterns = re.findall(r"`([a-z_*]+)`", "".join(re.findall(r"^\|[^|]+\|", page, re.MULTILINE)))
    rooms = [path.stem for path in sorted((ROOT / "mobile_gateway").iterdir()) if _is_room(path)]
    found = {room: [one for one in patterns if fnmatch(room, one)] for room in rooms}
    assert {room: named for room, named in found.items() if len(named) != 1} == {}
    assert sorted(set(patterns) - {one for named in found.values() for one in named}) == []


def _is_room(path: Path) -> bool:
    return path.stem.strip("_") == path.stem and (path.suffix == ".py" or (path / "__init__.py").exists())


# --- the way to operators -------------------------------------------------------------------------------------------


def test_every_message_centre_that_a_page_tells_to_bind_to_can_be_read() -> None:
    written = {found for page in PAGES for found in re.findall(r"smpp://[^\s'`,]+", page.read_text("utf-8"))}
    assert len(written) > 3
    assert all(smpp_address.read(one) for one in written)


def test_the_options_of_a_message_centre_are_those_of_the_code() -> None:
    page = text_of("docs/how-to/connect-a-real-operator.md")
    named = [
        name for row in re.findall(r"^\| (`[a-z_`, ]+`) \|", page, re.MULTILINE) for name in re.findall("[a-z_]+", row)
    ]
    assert sorted(named) == sorted(smpp_address.OPTIONS)


def test_the_address_that_kannel_is_given_for_messages_is_the_one_that_we_answer_at(tmp_path: Path) -> None:
    (block,) = [one for one in all_blocks("bash") if "kannel-messages" in one.text]
    secret = SecretStr("a secret of sixteen letters and more")
    shell = subprocess.run(
        ["bash"],
        input=block.text,
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "CYBERTICKET_CARRIER_SECRET": secret.get_secret_value()},
        text=True,
        capture_output=True,
        check=True,
    )
    assert f":8000{messages_path(Callbacks(secret))}?id=%I&" in shell.stdout
