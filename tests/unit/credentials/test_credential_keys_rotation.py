"""A key's life in its folder: shown, used, kept, taken out; dropped at once; and every step whole or not at all."""

from __future__ import annotations

import json
import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.keys import KeyRing, KeyRingUnusable, create, folder, load, rotation
from app.keys.ring import file_name
from app.keys.rotation import KINDS, NotNow, State, Step, drop, keys, retire, rotate

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DAY = timedelta(seconds=rotation.PUBLISHED_SECONDS)


@pytest.fixture
def ring(tmp_path: Path) -> Path:
    create(tmp_path / "keys")
    return tmp_path / "keys"


def states(directory: Path, kind: str) -> dict[int, str]:
    return {key.index: key.state.value for key in keys(directory) if key.kind == kind}


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def told(directory: Path) -> dict[str, object]:
    read = json.loads((directory / "ring.json").read_text())
    assert isinstance(read, dict)
    return read


# --- the ordinary way ---


def test_a_fresh_ring_has_one_current_key_of_each_kind(ring: Path) -> None:
    assert [(key.name, key.state, bool(key.thumbprint)) for key in keys(ring)] == [
        ("secret-1", State.CURRENT, False),
        ("barcode-1", State.CURRENT, True),
        ("token-1", State.CURRENT, True),
    ]


def test_a_new_key_is_published_first_and_not_used(ring: Path) -> None:
    step = rotate(ring, "barcode", now=NOW)

    assert step == Step("barcode-2", published=True, wait=DAY)
    assert states(ring, "barcode") == {1: "current", 2: "next"}
    read = load(ring)
    assert read.signer.kid == 1
    assert [jwk["barcode_kid"] for jwk in read.jwks()["keys"] if "barcode_kid" in jwk] == [1, 2]


def test_it_becomes_current_when_every_copy_of_the_key_set_has_it(ring: Path) -> None:
    rotate(ring, "barcode", now=NOW)

    early = rotate(ring, "barcode", now=NOW + DAY - timedelta(seconds=1))
    due = rotate(ring, "barcode", now=NOW + DAY)

    assert early == Step("barcode-2", wait=timedelta(seconds=1))
    assert rotation.waiting(early) == "1 hour"
    assert due == Step("barcode-2", current=True)
    assert states(ring, "barcode") == {1: "previous", 2: "current"}
    assert load(ring).signer.kid == 2


def test_the_wait_is_told_in_whole_hours() -> None:
    assert rotation.waiting(Step("token-2", wait=timedelta(hours=21, seconds=1))) == "22 hours"


@pytest.mark.parametrize("kind", KINDS)
def test_with_now_it_is_used_at_once(ring: Path, kind: str) -> None:
    assert rotate(ring, kind, now=NOW, at_once=True) == Step(f"{kind}-2", published=True, current=True)
    assert states(ring, kind) == {1: "previous", 2: "current"}


def test_a_previous_key_tells_until_when_it_was_used(ring: Path) -> None:
    rotate(ring, "secret", now=NOW)
    rotate(ring, "secret", now=NOW + DAY)

    previous, current = (key for key in keys(ring) if key.kind == "secret")

    assert (previous.used_until, current.used_until) == (NOW + DAY, None)
    assert current.made_at == NOW


def test_a_ring_changed_by_hand_is_read_with_care(ring: Path) -> None:
    folder.put(ring, "token-2.pem", folder.fresh_key("token"))
    folder.put(ring, "ring.json", b'{"secret": 1, "barcode": 1, "token": 2}')
    os.utime(ring / "ring.json", (NOW.timestamp(), NOW.timestamp()))

    (previous,) = (key for key in keys(ring) if key.state is State.PREVIOUS)

    assert (previous.name, previous.used_until) == ("token-1", NOW)


def test_a_key_that_was_put_there_by_hand_is_published_from_when_we_see_it(ring: Path) -> None:
    folder.put(ring, "barcode-7.pem", folder.fresh_key("barcode"))

    assert rotate(ring, "barcode", now=NOW) == Step("barcode-7", published=True, wait=DAY)
    assert rotate(ring, "barcode", now=NOW + DAY).current


def test_a_previous_key_can_be_taken_out_and_its_index_does_not_come_back(ring: Path) -> None:
    rotate(ring, "barcode", now=NOW, at_once=True)
    retire(ring, "barcode", 1)

    assert states(ring, "barcode") == {2: "current"}
    assert rotate(ring, "barcode", now=NOW).name == "barcode-3"


@pytest.mark.parametrize("index", [1, 2])
def test_what_is_used_or_will_be_stays(ring: Path, index: int) -> None:
    rotate(ring, "token", now=NOW)
    with pytest.raises(NotNow, match="is not a previous key: token-1 is current"):
        retire(ring, "token", index)


def test_what_is_not_there_cannot_be_taken_out(ring: Path) -> None:
    with pytest.raises(NotNow, match=r"There is no token-0 .* keys list"):
        retire(ring, "token", 0)


def test_the_last_index_is_the_end_of_a_ring(ring: Path) -> None:
    folder.put(ring, "barcode-255.pem", folder.fresh_key("barcode"))
    rotate(ring, "barcode", now=NOW, at_once=True)
    with pytest.raises(KeyRingUnusable, match="every index of a barcode key up to 255 was used"):
        rotate(ring, "barcode", now=NOW)


# --- a compromised key ---


@pytest.mark.parametrize("kind", KINDS)
def test_a_dropped_current_key_is_gone_and_another_in_its_place(ring: Path, kind: str) -> None:
    before = (ring / file_name(kind, 1)).read_bytes()

    assert drop(ring, kind, 1, now=NOW) == f"{kind}-2"

    assert states(ring, kind) == {2: "current"}
    assert file_name(kind, 1) not in names(ring)
    assert (ring / file_name(kind, 2)).read_bytes() != before


def test_a_next_key_that_waits_takes_the_place(ring: Path) -> None:
    rotate(ring, "barcode", now=NOW)
    assert drop(ring, "barcode", 1, now=NOW) == "barcode-2"
    assert states(ring, "barcode") == {2: "current"}


def test_dropping_what_is_not_current_replaces_nothing(ring: Path) -> None:
    rotate(ring, "barcode", now=NOW)
    assert drop(ring, "barcode", 2, now=NOW) is None
    assert states(ring, "barcode") == {1: "current"}
    assert rotate(ring, "barcode", now=NOW).name == "barcode-3"


def test_a_dropped_key_is_gone_even_while_its_file_is_still_there(ring: Path) -> None:
    octets = (ring / "barcode-1.pem").read_bytes()
    drop(ring, "barcode", 1, now=NOW)
    folder.put(ring, "barcode-1.pem", octets)  # as after a kill between the two steps, or from a backup

    assert list(load(ring).barcode) == [2]
    assert drop(ring, "barcode", 1, now=NOW) is None
    assert "barcode-1.pem" not in names(ring)


def test_what_never_was_cannot_be_dropped(ring: Path) -> None:
    with pytest.raises(NotNow, match="There is no secret-9"):
        drop(ring, "secret", 9, now=NOW)


def test_what_a_dropped_secret_made_matches_nothing_and_stops_nothing(ring: Path) -> None:
    before = load(ring)
    drop(ring, "secret", 1, now=NOW)
    after = load(ring)

    assert (after.kid, after.was_dropped(1), after.was_dropped(2)) == (2, True, False)
    assert after.pin_mac(1)(b"m") not in {before.pin_mac(1)(b"m"), after.pin_mac(2)(b"m")}
    assert after.link_mac(1)(b"m") not in {before.link_mac(1)(b"m"), after.pin_mac(1)(b"m")}
    with pytest.raises(KeyRingUnusable, match=r"secret-7\.key is missing"):
        after.pin_mac(7)


# --- on disk ---


def test_every_file_stays_closed_to_others_and_nothing_is_left_behind(ring: Path) -> None:
    for kind in KINDS:
        rotate(ring, kind, now=NOW)
    drop(ring, "token", 1, now=NOW)

    assert {stat.S_IMODE(path.stat().st_mode) for path in ring.iterdir()} == {0o600}
    assert names(ring) == {
        "ring.json",
        "secret-1.key",
        "secret-2.key",
        "barcode-1.pem",
        "barcode-2.pem",
        "token-2.pem",
    }
    assert set(told(ring)) == {"secret", "barcode", "token", "published", "current_since", "dropped"}


@pytest.mark.parametrize("at", ["barcode-2.pem", "ring.json"])
def test_a_step_that_is_cut_off_leaves_a_ring_that_goes_on(
    ring: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    whole = folder.put

    def cut_off(directory: Path, name: str, octets: bytes) -> None:
        if name == at:
            raise KeyboardInterrupt
        whole(directory, name, octets)

    monkeypatch.setattr(folder, "put", cut_off)
    with pytest.raises(KeyboardInterrupt):
        rotate(ring, "barcode", now=NOW, at_once=True)
    monkeypatch.undo()

    assert load(ring).signer.kid == 1
    assert rotate(ring, "barcode", now=NOW) == Step("barcode-2", published=True, wait=DAY)


def test_a_full_disk_is_told_in_words(ring: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(KeyRingUnusable, match=r"token-2\.pem cannot be written: No space left"):
        rotate(ring, "token", now=NOW)
    monkeypatch.undo()
    assert names(ring) == {"ring.json", "secret-1.key", "barcode-1.pem", "token-1.pem"}


def test_a_key_that_cannot_be_removed_is_told_in_words(ring: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stuck(_path: Path, *, missing_ok: bool) -> None:  # noqa: ARG001 - as pathlib calls it
        raise PermissionError(1, "Operation not permitted")

    rotate(ring, "token", now=NOW, at_once=True)
    with monkeypatch.context() as disk:
        disk.setattr(Path, "unlink", stuck)
        with pytest.raises(KeyRingUnusable, match=r"token-1\.pem cannot be removed: Operation not permitted"):
            retire(ring, "token", 1)


def test_a_ring_that_is_nowhere_is_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(KeyRingUnusable, match="cannot be opened: No such file"):
        rotate(tmp_path / "keys", "token", now=NOW)


@pytest.mark.parametrize(
    "more",
    [
        '"published": []',
        '"published": {"barcode-1": "yesterday"}',
        '"published": {"barcode-1": "2026-11-22T12:00:00"}',
        '"published": {"pin-1": "2026-11-22T12:00:00+00:00"}',
        '"current_since": {"barcode-1": 5}',
        '"dropped": "secret-1"',
        '"dropped": [1]',
        '"dropped": ["../secret-1"]',
        '"mood": "fine"',
    ],
)
def test_a_ring_file_with_what_it_never_says_is_refused(ring: Path, more: str) -> None:
    folder.put(ring, "ring.json", f'{{"secret": 1, "barcode": 1, "token": 1, {more}}}'.encode())
    with pytest.raises(KeyRingUnusable, match="must read like"):
        load(ring)


# --- taken up ---


def test_a_ring_becomes_another_for_everybody_who_holds_it() -> None:
    held, other = KeyRing.fresh(), KeyRing.fresh()
    assert held.verifier.verify(1, b"m", held.signer.sign(b"m"))  # what was computed once must go, too

    held.take_up(other)

    assert held.jwks() == other.jwks()
    assert other.verifier.verify(1, b"m", held.signer.sign(b"m"))
    assert held.token_key(other.token_signer()[0]) is not None
