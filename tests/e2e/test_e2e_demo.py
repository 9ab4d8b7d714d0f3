"""The newcomer's first minute: the demo comes up, stays, stops, and keeps what was sold; the story is told."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

import httpx
from e2e_kit import COMMAND, cyberticket, data_folder, read_json


def _demo(data: Path, addresses: Path) -> subprocess.Popen[bytes]:
    addresses.unlink(missing_ok=True)
    words = ("demo", "--port", "0", "--gateway-port", "0", "--data", str(data), "--json", str(addresses))
    process = subprocess.Popen([*COMMAND, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not (addresses.exists() and addresses.stat().st_size):
        assert process.poll() is None, "the demo ended before it was up"
        assert time.monotonic() < deadline, "the demo did not come up within a minute"
        time.sleep(0.1)
    return process


def _handsets(found: dict[str, str]) -> dict[str, list[str]]:
    phones = httpx.get(f"{found['gateway_url']}/handsets").json()["handsets"]
    return {phone["number"]: sorted(message["text"] for message in phone["inbox"]) for phone in phones}


def test_the_demo_sells_delivers_and_stops_at_ctrl_c_and_a_killed_one_loses_nothing() -> None:
    with data_folder() as folder:
        addresses = folder / "demo.json"
        first = _demo(folder / "data", addresses)
        found = read_json(addresses)
        before = _handsets(found)
        assert sum(len(texts) for texts in before.values()) == 4
        first.send_signal(signal.SIGKILL)
        first.wait()

        second = _demo(folder / "data", addresses)
        found = read_json(addresses)
        after = _handsets(found)
        invited = cyberticket("invite-gate", "badaro-bus", "Side door", "--data", str(folder / "data"))
        assert f"server={quote(found['app_url'], safe='')}&" in invited.stdout, invited.stdout + invited.stderr
        second.send_signal(signal.SIGINT)
        assert second.wait(timeout=30) == 0
        for number, texts in before.items():
            assert set(texts) <= set(after[number])


def test_the_demo_says_which_port_is_taken() -> None:
    with data_folder() as folder, httpx.Client() as _:
        import socket  # noqa: PLC0415 - only this test needs one

        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            done = cyberticket("demo", "--port", str(port), "--data", str(folder / "data"))
        assert done.returncode == 1
        assert f"Port {port}" in done.stderr


def test_the_story_is_told_on_the_feed_we_ship() -> None:
    done = cyberticket("story")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "every one as it should be" in done.stdout
    assert "the app shows its living barcode, L:" in done.stdout
    assert "a picture of it, 40 s old: An old picture of the code" in done.stdout


def test_a_story_that_fails_says_where_and_exits_with_1() -> None:
    done = cyberticket("story", "--terse", "--origin", "Nowhere", "--destination", "Elsewhere")
    assert done.returncode == 1
    assert "no station is called 'Nowhere'" in done.stdout
