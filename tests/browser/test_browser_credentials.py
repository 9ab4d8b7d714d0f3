"""The gate page's reader, in a real browser and under the product's own policy: the same vectors as on the server."""

from __future__ import annotations

import json
from typing import Any

import pytest
from credential_kit import VECTORS, product_reads
from playwright.sync_api import Page

from app.domain.admission import LIVING_SKEW_SECONDS

pytest_plugins = ["browser_plugin", "gate_page_plugin"]
pytestmark = pytest.mark.browser


READ = """async (asked) => {
  const { jwks, presented } = JSON.parse(asked);
  const { parsePresented, isGenuine, barcodeKeys, unreadWords } = await import("/credential.js");
  const hex = (octets) => Array.from(octets, (octet) => octet.toString(16).padStart(2, "0")).join("");
  const keys = await barcodeKeys(jwks);
  const told = (read) => {
    switch (read.face) {
      case "unreadable": return { unreadable: read.reason };
      case "pin": return read;
      case "compact": return { face: read.face, code_id: read.code.toString(16).padStart(16, "0"), tag: hex(read.tag) };
    }
    const body = {
      face: read.face,
      kid: read.kid,
      code_id: read.code.toString(16).padStart(16, "0"),
      occasion_code: read.occasion.toString(16).padStart(8, "0"),
      class_code: read.category,
      not_before_minute: read.notBefore,
      duration_minutes: read.minutes,
      flags: read.flags,
    };
    if (read.face === "signed") return { ...body, signature: hex(read.signature) };
    return {
      ...body,
      holder_key: hex(read.holderKey),
      issuer_signature: hex(read.signature),
      step: read.step,
      holder_signature: hex(read.holderSignature),
    };
  };
  const answers = await Promise.all(presented.map(async (text) => {
    const read = parsePresented(text);
    const signed = read.face === "signed" || read.face === "living";
    const words = read.face === "unreadable" && ["en", "ko"].map((language) => unreadWords(read.reason, language));
    return { read: told(read), words, ...(signed && { genuine: await isGenuine(read, keys) }) };
  }));
  return JSON.stringify(answers);
}"""
"""Many values cross into the browser fastest as one text."""


SPOILING = ("", "0", " ", "\u00e9", "\uff15", "\u2013", "\u017f", "\U0001f3ab", ":")
"""What stands in the place of one character, or before it."""


def spoilt() -> list[str]:
    """Every vector, changed in a few places: thousands of texts that are nearly something."""
    texts = {one["text"] for one in VECTORS["presented"] if len(one["text"]) < 300}
    found = set(texts)
    for text in texts:
        for at in {0, 1, 2, len(text) // 2, max(len(text) - 1, 0)}:
            found |= {text[:at] + mark + text[at + extra :] for mark in SPOILING for extra in (0, 1)}
    return sorted(found)


def read_in(page: Page, texts: list[str], jwks: dict[str, Any]) -> list[dict[str, Any]]:
    """What the page's script says of each text."""
    answers: list[dict[str, Any]] = json.loads(page.evaluate(READ, json.dumps({"jwks": jwks, "presented": texts})))
    return answers


def test_the_browser_reads_and_verifies_what_the_vectors_say(gate: Page) -> None:
    cases = VECTORS["presented"]
    answers = read_in(gate, [one["text"] for one in cases], VECTORS["keys"]["jwks"])
    for case, answer in zip(cases, answers, strict=True):
        assert answer["read"] == case["read"], case["says"]
        if case["read"].get("face") in {"signed", "living"}:
            assert answer["genuine"] is case["genuine"], case["says"]
        if reason := case["read"].get("unreadable"):
            assert answer["words"] == [VECTORS["words"][reason][language] for language in ("en", "ko")]


def test_the_browser_reads_whatever_is_spoilt_as_the_server_does(gate: Page) -> None:
    texts = spoilt()
    assert len(texts) > 2_000
    answers = read_in(gate, texts, {"keys": []})
    differing = [
        (text, answer["read"], server)
        for text, answer in zip(texts, answers, strict=True)
        if answer["read"] != (server := product_reads(text))
    ]
    assert differing == []


def test_the_browser_knows_base45_and_the_time_of_a_code(gate: Page) -> None:
    told = gate.evaluate(
        """async ({ octets, refused, times }) => {
          const { base45Encode, base45Decode, shownAt } = await import("/credential.js");
          const bytes = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
          return {
            texts: octets.map((hex) => base45Encode(bytes(hex))),
            back: octets.map((hex) => base45Encode(base45Decode(base45Encode(bytes(hex))))),
            refused: refused.map(base45Decode),
            off: times.map((time) => Math.abs(time.now_unix * 1000 - shownAt(time))),
          };
        }""",
        {
            "octets": list(VECTORS["base45"]["octets"]),
            "refused": list(VECTORS["base45"]["refused"]),
            "times": VECTORS["times"],
        },
    )
    texts = list(VECTORS["base45"]["octets"].values())
    assert (told["texts"], told["back"]) == (texts, texts)
    assert told["refused"] == [None] * len(VECTORS["base45"]["refused"])
    assert [off <= LIVING_SKEW_SECONDS * 1000 for off in told["off"]] == [one["fresh"] for one in VECTORS["times"]]


def test_a_key_set_that_lists_an_index_twice_is_refused_in_the_browser(gate: Page) -> None:
    (first, *_) = VECTORS["keys"]["jwks"]["keys"]
    said = gate.evaluate(
        """async (jwks) => {
          const { barcodeKeys } = await import("/credential.js");
          return barcodeKeys(jwks).then(() => "taken", (fault) => fault.message);
        }""",
        {"keys": [first, first]},
    )
    assert said == "barcode key 7 is listed twice"
