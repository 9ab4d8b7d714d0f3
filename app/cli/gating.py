"""`cyberticket gate`: the reference gate. It decides without network from a snapshot, and syncs when there is one."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console

from app.cli import gate_client, gate_words
from app.cli.gate_folder import Folder, LogFile, entries_in
from app.domain.gate_log import BadEntry, Deed
from app.domain.gate_sheet import Keys
from app.domain.offline_gate import OfflineGate, Shown
from app.domain.refusals import Refusal
from app.domain.snapshot import read_snapshot, read_status
from app.domain.snapshot_sheet import SnapshotSheet
from app.keys import Verifier, verify_holder

console = Console(soft_wrap=True, highlight=False, markup=False)
errors = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
Dir = Annotated[Path, typer.Option("--dir", help="The device's folder: key, snapshot, log.")]
HERE = Path("gate")


def clock() -> datetime:
    """The device's own."""
    return datetime.now(UTC)


def add_to(app: typer.Typer) -> None:
    group = typer.Typer(invoke_without_command=True, no_args_is_help=True)
    group.callback()(gate)
    group.command("enrol")(enrol)
    group.command("fetch")(fetch)
    group.command("bring")(bring)
    group.command("pin-key")(pin_key)
    app.add_typer(group, name="gate")


def gate(
    context: typer.Context,
    *,
    offline: Annotated[Path | None, typer.Option(help="The snapshot to decide by, without any network.")] = None,
    status: Annotated[Path | None, typer.Option(help="How its tickets stand; else `status` beside it.")] = None,
    log: Annotated[Path | None, typer.Option(help="The log to add to; else `log.jsonl` beside it.")] = None,
    keys: Annotated[Path | None, typer.Option(help="The issuer's key set; else `jwks.json` beside it.")] = None,
    pin_key_file: Annotated[Path | None, typer.Option(help="The key of typed PINs: a pipe, not a file.")] = None,
    show: Annotated[list[str] | None, typer.Option(help="A line to answer; without any, standard input's.")] = None,
    language: Annotated[str, typer.Option(help="ko or en: the language on a terminal.")] = "ko",
) -> None:
    """Decide without network: a line in is a code, a line out its verdict, kept on the disk before it is shown."""
    if context.invoked_subcommand is not None:
        return
    if offline is None:
        raise ValueError("Name the snapshot: cyberticket gate --offline gate/snapshot")
    files = Files(
        offline,
        status or offline.parent / "status",
        log or offline.parent / "log.jsonl",
        keys or offline.parent / "jwks.json",
    )
    pin_key = bytes.fromhex(pin_key_file.read_text("ascii").strip()) if pin_key_file else None
    sheet = files.sheet(pin_key)
    if sheet.board is None:
        errors.print("No status of the tickets is there: nobody is let in. Fetch one: cyberticket gate fetch")
    with LogFile.opened(files.log, gate_id=sheet.post.gate_id, generation=sheet.generation) as kept:
        one = OfflineGate(sheet, keys_of(sheet), log=kept.entries, counted=files.counted())
        if errors.is_terminal:
            errors.print(gate_words.HELP, style="dim")
        for line in show or sys.stdin:
            if files.changed():
                _renew(one, files)
            if line.strip():
                _answer(one, kept, line.rstrip("\n"), language)


class Files:
    """What a running gate reads, and reads again when somebody fetched something newer."""

    def __init__(self, snapshot: Path, status: Path, log: Path, keys: Path) -> None:
        self.snapshot, self.status, self.log, self.keys = snapshot, status, log, keys
        self._seen = self._state()

    def _state(self) -> list[int]:
        paths = (self.keys, self.snapshot, self.status, self.snapshot.parent / "gate.json")
        return [path.stat().st_mtime_ns if path.exists() else 0 for path in paths]

    def changed(self) -> bool:
        before, self._seen = self._seen, self._state()
        return before != self._seen

    def sheet(self, pin_key: bytes | None) -> SnapshotSheet:
        """The snapshot with its status, if there is one; raises ValueError for what the issuer did not sign."""
        verify = Verifier.from_jwks(json.loads(self.keys.read_bytes())).verify
        sheet = SnapshotSheet(read_snapshot(self.snapshot.read_bytes(), verify), None, pin_key)
        if not self.status.exists():
            return sheet
        return sheet.with_status(read_status(self.status.read_bytes(), verify))

    def counted(self) -> int:
        """How much of the device's own log its status holds; of any other log, nothing that is known."""
        folder = Folder(self.snapshot.parent)
        own = self.log == folder.log and (folder.path / "gate.json").exists()
        return folder.device().counted if own else 0


def keys_of(sheet: SnapshotSheet) -> Keys:
    """The public keys that the snapshot brings along."""
    told = sheet.snapshot.header.keys
    verifiers = {seller: Verifier.from_jwks({"keys": [dict(jwk) for jwk in jwks]}) for seller, jwks in told.items()}
    return Keys({seller: verifier.verify for seller, verifier in verifiers.items()}, verify_holder)


def _renew(one: OfflineGate, files: Files) -> None:
    """Take up what was fetched meanwhile. The key of typed PINs goes with the edition that it is of."""
    old = one.sheet
    assert isinstance(old, SnapshotSheet), "this gate has no other"
    try:
        sheet, counted = files.sheet(None), files.counted()
    except (ValueError, OSError) as fault:
        errors.print(f"{fault} Going on with what was there before.", style="yellow")
        return
    if sheet.snapshot.header.edition == old.snapshot.header.edition:
        sheet = replace(sheet, pin_key=old.pin_key)
    one.refresh(sheet, counted=counted)
    one.keys = keys_of(sheet)


def _answer(one: OfflineGate, kept: LogFile, line: str, language: str) -> None:
    asked, now = gate_words.read(line), clock()
    scan_id = f"alone-{one.sheet.generation}-{one.seq + 1}"
    try:
        if asked.deed is Deed.UNDO:
            verdict = one.undo(scan_id, undoes=asked.text, now=now)
        else:
            shown = Shown(scan_id, asked.text, asked.deed, asked.count, asked.amount, asked.by)
            verdict = one.present(shown, now=now)
    except (Refusal, BadEntry) as fault:
        errors.print(str(fault), style="yellow")
        return
    assert verdict.linked is not None, "each line has a scan of its own"
    kept.append(verdict.linked)
    one.note(verdict.linked)
    gate_words.show(console, verdict, language=language)


# --- with a network -------------------------------------------------------------------------------------------------


def enrol(
    url: Annotated[str, typer.Argument(help="The server, as its own public address says.")],
    code: Annotated[str, typer.Argument(help="The one-time code from staff.")],
    folder: Dir = HERE,
) -> None:
    """Make this folder a gate, with a key that is made here and never leaves it."""
    server = url.rstrip("/")
    with gate_client.calling(server) as client:
        device = gate_client.enrol(client, Folder(folder), server=server, code=code)
    console.print(f"{folder} is the gate {device.name} now. Next: cyberticket gate fetch --dir {folder}")


def fetch(folder: Dir = HERE) -> None:
    """Bring the log, then take the newest snapshot and how its tickets stand."""
    here = Folder(folder)
    with gate_client.calling(here.device().server) as client:
        line = gate_client.Line(client, here, clock=clock)
        _bring(line, here)
        snapshot = line.fetch()
    until = snapshot.header.expires_at
    console.print(f"{len(snapshot.rows)} tickets, good without network until {until:%Y-%m-%d %H:%M} UTC.")


def bring(folder: Dir = HERE) -> None:
    """Send the server what this gate decided alone; again is harmless."""
    here = Folder(folder)
    with gate_client.calling(here.device().server) as client:
        _bring(gate_client.Line(client, here, clock=clock), here)


def _bring(line: gate_client.Line, here: Folder) -> None:
    """Raises ValueError where part of the log was not taken: then no newer status may be asked for."""
    entries = entries_in(here.log, gate_id=UUID(line.device.gate), generation=line.device.generation)
    brought = line.bring(entries)
    for words in brought.words:
        errors.print(words, style="yellow")
    if brought.upto < len(entries):
        raise ValueError(f"Only {brought.upto} of {len(entries)} entries are at the server. Call staff.")
    console.print(f"{len(entries)} entries are at the server.")


def pin_key(folder: Dir = HERE) -> None:
    """Print the key of typed PINs, for a pipe into `--pin-key-file`; do not keep it in a file."""
    here = Folder(folder)
    with gate_client.calling(here.device().server) as client:
        console.print(gate_client.Line(client, here, clock=clock).pin_key())
