"""The four parties as processes of their own: they sell, their books agree, and Ctrl-C ends every one of them."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpx
from e2e_kit import COMMAND, data_folder, read_json

PARTIES = {"payment-network", "mobile-gateway", "issuer", "issuer-worker", "sales", "sales-worker"}
UP_SECONDS, STOP_SECONDS, TOLD_SECONDS = 110, 60, 60


def _start(folder: Path) -> subprocess.Popen[bytes]:
    words = ("--port", "0", "--gateway-port", "0", "--data", str(folder), "--json", str(folder / "demo.json"))
    return subprocess.Popen([*COMMAND, "demo", "--apart", *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _up(process: subprocess.Popen[bytes], folder: Path) -> dict[str, Any]:
    """What the demo says of itself once it is up."""
    addresses = folder / "demo.json"
    deadline = time.monotonic() + UP_SECONDS
    while not (addresses.exists() and addresses.stat().st_size):
        assert process.poll() is None, "the demo ended before it was up"
        assert time.monotonic() < deadline, f"the demo did not come up within {UP_SECONDS} s: {_logs(folder)}"
        time.sleep(0.1)
    return read_json(addresses)


def _audit(env_file: Path) -> subprocess.Popen[str]:
    """`cyberticket audit` of the server that is told so."""
    told = dict(line.split("=", 1) for line in shlex.split(env_file.read_text(encoding="utf-8")))
    return subprocess.Popen([*COMMAND, "audit"], env={**os.environ, **told}, stdout=subprocess.PIPE, text=True)


def _alive(processes: Iterable[int]) -> list[int]:
    found = []
    for number in processes:
        try:
            os.kill(number, 0)
        except ProcessLookupError:
            continue
        found.append(number)
    return found


def _on_sale(http: httpx.Client, found: dict[str, Any]) -> bool:
    occasions = http.get(f"{found['app_url']}/catalogue/occasions", params={"kind": "admission"}).json()["occasions"]
    return all(one["on_sale"] for one in occasions)


def _until(http: httpx.Client, found: dict[str, Any], *, on_sale: bool) -> None:
    deadline = time.monotonic() + TOLD_SECONDS
    while _on_sale(http, found) != on_sale:
        assert time.monotonic() < deadline, f"the catalogue did not say on_sale={on_sale} within {TOLD_SECONDS} s"
        time.sleep(0.1)


def _logs(folder: Path) -> str:
    return "\n".join(f"== {log.name}\n{log.read_text()[-2000:]}" for log in folder.glob("*.log"))


def test_the_parties_apart_sell_agree_on_their_books_survive_a_hang_and_end_at_ctrl_c() -> None:
    with data_folder() as folder:
        demo = _start(folder)
        try:
            found = _up(demo, folder)
            processes = found["processes"]
            assert set(processes) == PARTIES
            assert _alive(processes.values()) == list(processes.values())
            with httpx.Client(timeout=20, trust_env=False) as http:
                phones = http.get(f"{found['gateway_url']}/handsets").json()["handsets"]
                assert sum(len(phone["inbox"]) for phone in phones) == 4  # three tickets, and a PIN of e-money

                os.kill(processes["issuer"], signal.SIGSTOP)
                _until(http, found, on_sale=False)
                os.kill(processes["issuer"], signal.SIGCONT)
                _until(http, found, on_sale=True)

            audits = [_audit(folder / name) for name in ("sales.env", "issuer.env")]
            for audit in audits:
                told, _ = audit.communicate(timeout=60)
                assert audit.returncode == 0, told
                assert "does not answer" not in told
        finally:
            demo.send_signal(signal.SIGINT)
            status = demo.wait(timeout=STOP_SECONDS)
        assert status == 0
        assert _alive(processes.values()) == []
        assert list(folder.glob("*/postgresql/postmaster.pid")) == []
