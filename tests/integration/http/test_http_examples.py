"""Every example in the OpenAPI document is executed, on rows that have the examples' ids, and does what it says."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gate_ways
import pytest
from builders import Stage
from gate_device_ways import a_device
from http_examples import bearer_for, furnished
from http_kit import DOCUMENT, OPERATIONS, Api, Operation

pytest_plugins = ("http_plugin",)

EXCUSED = {
    ("POST /emoney/vouchers", 404): "a voucher's PIN is derived from the house's secret: no example can hold it",
    ("POST /bookings/{booking_id}/payments", 402): "so is the PIN of the example's e-money",
    ("POST /tickets/{ticket_id}/decline", 409): "the example's ticket was bought by who has it, not given",
}
LAST = ("/revoke", "/gift", "/cancel", "/refunds", "/staff/gates/{gate_id}")
"""What takes something away that other examples need."""


@dataclass(frozen=True)
class Example:
    """One request put together from examples only, and where each of them stands in the document."""

    operation: Operation
    path: str
    body: Any
    places: tuple[str, ...]


def schema_of(one: Operation) -> tuple[str, dict[str, Any]]:
    """Name and content of the schema of a route's body; empty where it takes none, or has it in place."""
    content = one.said.get("requestBody", {}).get("content", {}).get("application/json", {})
    name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
    return name, DOCUMENT["components"]["schemas"].get(name, {})


def examples_of(one: Operation) -> Iterator[Example]:
    parameters = [p for p in one.said.get("parameters", []) if "examples" in p["schema"]]
    name, schema = schema_of(one)
    bodies: list[tuple[int, Any]] = list(enumerate(schema.get("examples", []))) or [(0, None)]
    for values in itertools.product(*(parameter["schema"]["examples"] for parameter in parameters)):
        path, places = one.path.replace("{form}", "svg"), []
        for parameter, value in zip(parameters, values, strict=True):
            path = path.replace("{" + parameter["name"] + "}", value)
            places.append(f"{one}: {parameter['name']}")
        for index, body in bodies:
            here = [f"{name}: {index}"] if body is not None else []
            if places or here:
                yield Example(one, path, body, (*places, *here))


EXAMPLES = tuple(example for one in OPERATIONS for example in examples_of(one))


def listed(node: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], int]]:
    """Every `examples` in the document: where it stands, and how many it holds."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name == "examples" and isinstance(value, list):
                yield at, len(value)
            yield from listed(value, (*at, name))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from listed(value, (*at, str(index)))


def test_no_example_in_the_document_is_left_out() -> None:
    numbers = {at for at, _ in listed(DOCUMENT) if "properties" in at or "items" in at}
    others = sum(count for at, count in listed(DOCUMENT) if at not in numbers)

    assert len({place for example in EXAMPLES for place in example.places}) == others
    assert {at[-1] for at in numbers} <= {"buyer", "handset", "items"}, "these are executed by themselves, below"


async def test_every_example_of_a_number_books(blank: Stage) -> None:
    shop = await furnished(blank)
    found = [at for at, _ in listed(DOCUMENT) if "properties" in at or "items" in at]
    async with Api(blank, shop) as api:
        for at in found:
            node: Any = DOCUMENT
            for part in at:
                node = node[part]
            for number in node["examples"]:
                booked = await api.booked(api.wish(of="play/wed", category="S", handsets=[number]) | {"buyer": number})
                await api.post(f"/bookings/{booked.id}/cancel", bearer=booked.link)

    assert found


@pytest.mark.parametrize(
    "left_out",
    [
        ("/cancel", "/gift", "/refunds"),
        ("/payments", "/revoke", "/refunds", "/gate/overrides"),
        ("/cancel", "/gift", "/revoke"),
    ],
    ids=["paid and revoked", "cancelled and given", "returned"],
)
async def test_every_example_can_be_executed(blank: Stage, left_out: tuple[str, ...]) -> None:
    shop = await furnished(blank)
    async with Api(blank, shop) as api:
        gates = await gate_ways.supervisors(api)
        boss, device = await api.staff(), await a_device(api)
        excusable = {name for name, _ in EXCUSED}
        order = sorted(EXAMPLES, key=lambda one: (one.operation.path.endswith(LAST), _costs(one)))
        for example in order:
            one = example.operation
            if one.path.endswith(left_out):
                continue
            bearer = bearer_for(one.path, gate=gates.get(one.path, ""), boss=boss)
            headers = {"idempotency-key": f"example-{order.index(example)}"}
            headers |= {"authorization": f"Bearer {bearer}"} if bearer else {}
            headers |= device.headers(one.method, one.path) if one.path == "/gate/scans" else {}
            answer = await api.client.request(one.method, example.path, json=example.body, headers=headers)
            excused = str(one) in excusable and (str(one), answer.status_code) in EXCUSED
            assert answer.status_code < 300 or excused, f"{example}: {answer.status_code} {answer.text}"


def _costs(example: Example) -> bool:
    """A card alone ends the booking that the other instruments are to be tried on: last among its like."""
    return "'instrument': {'kind': 'card'" in str(example.body)


def test_no_two_shapes_of_the_document_have_one_name() -> None:
    """Where two models are called alike their names in the document grow by that of their module."""
    assert [name for name in DOCUMENT["components"]["schemas"] if "__" in name] == []
