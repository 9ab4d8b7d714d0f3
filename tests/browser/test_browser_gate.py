"""A gate without network in a real browser, under the product's own policy: the same vectors as in Python."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

pytest_plugins = ["browser_plugin", "gate_page_plugin"]
pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
VECTORS: dict[str, Any] = json.loads((ROOT / "docs/reference/vectors/gate.json").read_text("utf-8"))

DECIDE = """async ({ base, now: text, cases }) => {
  const { decide, after } = await import("/rules.js");
  const at = (moment) => (moment === null ? null : Date.parse(moment));
  return cases.map(({ change }) => {
    const told = { ...base.entry, ...change.entry, rules: { ...base.entry.rules, ...change.entry?.rules } };
    const entry = {
      ...told,
      usesLeft: told.uses_left,
      validFrom: at(told.valid_from),
      validUntil: at(told.valid_until),
      last: told.last && { at: at(told.last.at), gate: told.last.gate },
      spentOffline: told.spent_offline,
    };
    const asked = { ...base.ask, ...change.ask };
    const ask = { ...asked, shownAt: at(asked.shown_at) };
    const stands = { ...base.post, ...change.post };
    const post = { ...stands, occasions: new Set(stands.occasions) };
    const reason = decide(entry, ask, post, at(text));
    const then = after(entry, reason, ask, post, at(text));
    if (then === entry) return { reason };
    return {
      reason,
      then: {
        uses_left: then.usesLeft,
        inside: then.inside,
        balance: then.balance,
        valid_until: new Date(then.validUntil).toISOString(),
        activated: then.activated,
      },
    };
  });
}"""

LOG = """async ({ gate, generation, lines }) => {
  const { beginning, canonical, checked, hex, link } = await import("/log.js");
  const start = await beginning(gate, generation);
  const found = [];
  let previous = start;
  for (const { entry } of lines) {
    const linked = await link(previous, checked(entry));
    previous = linked.digest;
    found.push({ canonical: new TextDecoder().decode(canonical(entry)), digest: hex(linked.digest) });
  }
  return { beginning: hex(start), lines: found };
}"""

REFUSED = """async (entries) => {
  const { checked } = await import("/log.js");
  return entries.map((entry) => {
    try {
      checked(entry);
      return null;
    } catch (fault) {
      return fault.message.split(" ")[0];
    }
  });
}"""

RUN = """async ({ keys, run }) => {
  const { barcodeKeys } = await import("/credential.js");
  const { OfflineGate } = await import("/gate.js");
  const { hex } = await import("/log.js");
  const { SnapshotSheet } = await import("/sheet.js");
  const { readSnapshot, readStatus } = await import("/snapshot.js");
  const { toldVerdict } = await import("/verdict.js");
  const octets = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const rings = new Map();
  for (const [seller, jwks] of Object.entries(keys.sellers)) rings.set(seller, await barcodeKeys(jwks));
  const pinKey = Uint8Array.from(keys.pin_key.match(/../g), (pair) => parseInt(pair, 16));
  const snapshot = await readSnapshot(octets(run.snapshot), rings.get(""));
  let sheet = new SnapshotSheet(snapshot, null, run.pins ? pinKey : null);
  const gate = await OfflineGate.open(sheet, rings);
  const asked = (step) => (step.do === "undo"
    ? gate.undo(step.scan_id, step.undoes, Date.parse(step.now))
    : gate.present({ ...step, scanId: step.scan_id }, Date.parse(step.now)));
  const seen = [];
  for (const step of run.steps) {
    if (step.do === "refresh") {
      sheet = await sheet.withStatus(await readStatus(octets(step.status), rings.get("")));
      gate.refresh(sheet, step.counted, step.answers);
      seen.push(null);
    } else if (step.do === "answered") {
      gate.answered({ code: BigInt(step.code), reason: step.reason, at: Date.parse(step.at) });
      seen.push(null);
    } else {
      const verdict = await asked(step).catch((fault) => ({ fault }));
      if (verdict.fault) {
        seen.push({ refused: verdict.fault.message });
      } else {
        if (verdict.linked) gate.note(verdict.linked);
        const digest = verdict.linked && hex(verdict.linked.digest);
        seen.push({ entry: verdict.entry, digest, verdict: toldVerdict(verdict) });
      }
    }
  }
  return seen;
}"""


def test_the_browser_decides_as_the_server_does(gate: Page) -> None:
    cases = VECTORS["decide"]["cases"]
    assert len(cases) > 200
    for case, seen in zip(cases, gate.evaluate(DECIDE, VECTORS["decide"]), strict=True):
        assert seen == {name: case[name] for name in ("reason", "then") if name in case}, case["says"]


def test_the_browser_writes_the_same_log(gate: Page) -> None:
    log = VECTORS["log"]
    lines = [{"canonical": one["canonical"], "digest": one["digest"]} for one in log["lines"]]
    assert gate.evaluate(LOG, log) == {"beginning": log["beginning"], "lines": lines}


def test_the_browser_writes_no_entry_that_the_server_would_refuse(gate: Page) -> None:
    entry, typed = VECTORS["log"]["lines"][0]["entry"], VECTORS["log"]["lines"][6]["entry"]
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"seq": 0}, "seq"),
        ({"count": 101}, "count"),
        ({"amount": 1}, "amount"),
        ({"knew": 2**53}, "knew"),
        ({"scan_id": "a b"}, "scan_id"),
        ({"undoes": "a"}, "undoes"),
        ({"by": "Kim"}, "by"),
        ({"reason": "left"}, "reason"),
        ({"code": None}, "code"),
        ({"number": "4829103752"}, "number"),
    ]
    said = gate.evaluate(REFUSED, [entry, typed, *({**entry, **change} for change, _ in wrong)])
    assert said == [None, None, *(name for _, name in wrong)]


@pytest.mark.parametrize("run", VECTORS["runs"], ids=[one["says"] for one in VECTORS["runs"]])
def test_the_browsers_gate_answers_step_by_step_as_the_one_in_python(gate: Page, run: dict[str, Any]) -> None:
    steps = run["steps"]
    for at, (step, seen) in enumerate(
        zip(steps, gate.evaluate(RUN, {"keys": VECTORS["keys"], "run": run}), strict=True)
    ):
        if step.get("refused"):
            assert seen["refused"], f"step {at}"
        elif "entry" in step:
            assert seen == {name: step[name] for name in ("entry", "digest", "verdict")}, f"step {at}: {seen}"


def test_a_snapshot_or_status_that_was_changed_is_refused_in_the_browser(gate: Page) -> None:
    run = VECTORS["runs"][0]
    status = next(step["status"] for step in run["steps"] if step["do"] == "refresh")
    said = gate.evaluate(
        """async ({ keys, snapshot, status }) => {
          const { barcodeKeys } = await import("/credential.js");
          const { readSnapshot, readStatus, applied } = await import("/snapshot.js");
          const ring = await barcodeKeys(keys.sellers[""]);
          const octets = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
          const told = (fault) => `${fault.constructor.name} ${fault.message}`;
          const words = (promise) => promise.then(() => "taken", told);
          const flipped = (text, at) => {
            const found = octets(text);
            found[at < 0 ? found.length + at : at] ^= 1;
            return found;
          };
          const whole = await readSnapshot(octets(snapshot), ring);
          const news = await readStatus(octets(status), ring);
          return Promise.all([
            ...[0, 4, 9, 200, -100, -1].map((at) => words(readSnapshot(flipped(snapshot, at), ring))),
            words(readStatus(flipped(status, -1), ring)),
            words(readStatus(octets(snapshot), ring)),
            words(readSnapshot(octets(snapshot).subarray(0, 60), ring)),
            words(applied(whole, null, { ...news, edition: "00" })),
            words(applied(whole, { cursor: news.cursor + 1 }, news)),
            words(applied(whole, null, { ...news, body: news.body.subarray(1) })),
          ]);
        }""",
        {"keys": VECTORS["keys"], "snapshot": run["snapshot"], "status": status},
    )
    assert len(said) == 12
    assert all(one.startswith("SnapshotUnreadable ") for one in said), said
