"""The sandbox network's OpenAPI document says what the network does: every call, every field, every member."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute
from payment_network_kit import Network, a_network

from app.payments.sandbox import admin, api, api_money, api_news

HOOKS = "https://shop.test/hooks"
PLAIN = "unknown parameter"
JSON_TYPES = {"string": str, "integer": int, "boolean": bool, "object": dict, "array": list}


@pytest.fixture
async def network(tmp_path: Path) -> AsyncIterator[Network]:
    async with a_network(tmp_path, later_seconds=60) as running:
        yield running


def calls(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, call in methods.items():
            yield method, path, call


async def test_every_call_is_in_the_document_with_its_words_and_its_answers(network: Network) -> None:
    document = await network.get("/openapi.json")
    documented = {(method.upper(), path) for method, path, _ in calls(document)}
    routes = {
        (method, route.path)
        for module in (api, api_money, api_news, admin)
        for route in module.router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }

    assert documented == routes
    assert len(documented) >= 29
    for method, path, call in calls(document):
        assert call["summary"], path
        assert call["description"], path
        assert call["tags"], path
        assert call["security"] == [{"key": []}]
        assert {"200", "400", "401", "429"} <= set(call["responses"])
        assert ("404" in call["responses"]) >= ("{" in path), (method, path)
        for answer in call["responses"].values():
            name = answer["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
            assert name in document["components"]["schemas"]
        named = {parameter["name"] for parameter in call["parameters"] if parameter["in"] == "path"}
        assert named == set(re.findall(r"{(\w+)}", path))


async def test_every_field_that_is_documented_is_one_the_network_reads(network: Network) -> None:
    document = await network.get("/openapi.json")
    sent = 0
    for method, path, call in calls(document):
        target = path.replace("{", "").replace("}", "")
        body = call.get("requestBody", {}).get("content", {}).get("application/x-www-form-urlencoded", {})
        for name, field in body.get("schema", {}).get("properties", {}).items():
            answer = await network.http.request(method, target, data={name: field.get("enum", ["1"])[0]})
            assert PLAIN not in answer.text, f"{method} {path} does not know {name}"
            sent += 1
        for parameter in call["parameters"]:
            if parameter["in"] == "query":
                value = parameter["schema"].get("enum", ["1"])[0]
                answer = await network.http.request(method, target, params={parameter["name"]: value})
                assert PLAIN not in answer.text, f"{method} {path} does not know {parameter['name']}"
                sent += 1
        unknown = await network.http.request(method, target, data={"bogus": "1"}, params={"bogus": "1"})
        assert unknown.status_code in {400, 404}, f"{method} {path} lets anything through"
    assert sent > 80


async def test_every_object_holds_the_members_that_are_documented_and_no_other(network: Network) -> None:
    schemas = (await network.get("/openapi.json"))["components"]["schemas"]
    card = {"type": "card", "card[number]": "4242424242424242", "card[exp_month]": "1", "card[exp_year]": "2030"}
    made = [
        (await network.post("/v1/payment_methods", card)).json(),
        (await network.post("/v1/webhook_endpoints", {"url": HOOKS, "enabled_events[]": "*"})).json(),
        await network.fault("refund", "too_many", payment_intent="pi_1"),
    ]
    challenged = await network.an_intent(payment_method="pm_card_authenticationRequired", confirm="true")
    declined = await network.an_intent(payment_method="pm_card_chargeDeclined")
    refused = await network.post(f"/v1/payment_intents/{declined}/confirm")
    for token in ("pm_card_refundFail", "pm_card_pendingRefund", "pm_card_createDispute"):
        paid = await network.an_intent(payment_method=token, capture_method="automatic", confirm="true")
        if token != "pm_card_createDispute":
            made.append((await network.post("/v1/refunds", {"payment_intent": paid})).json())
    await network.pass_(seconds=60)
    made.append(await network.intent(challenged))
    pages = ["payment_intents", "refunds", "disputes", "balance_transactions", "events", "webhook_endpoints"]
    for page in pages:
        shown = await network.get(f"/v1/{page}?limit=100")
        made += [shown, *shown["data"]]
    charges = {thing["latest_charge"] for thing in made if thing.get("latest_charge")}
    made += [await network.get(f"/v1/charges/{charge}") for charge in charges]
    made.append({"object": "error", **refused.json()})
    made.append((await network.http.delete(f"/v1/webhook_endpoints/{made[1]['id']}")).json() | {"object": "deleted"})

    assert {thing["object"] for thing in made} == set(schemas)
    for thing in made:
        held = {name: value for name, value in thing.items() if not (thing["object"] == "error" and name == "object")}
        fits(schemas[thing["object"]], held, thing["object"])
    fits(schemas["error"]["properties"]["error"], refused.json()["error"], "error")


def fits(schema: dict[str, Any], thing: dict[str, Any], name: str) -> None:
    assert set(schema["required"]) <= set(thing) <= set(schema["properties"]), name
    for member, value in thing.items():
        said = schema["properties"][member]
        if value is None:
            assert "null" in said["type"], f"{name}.{member} may not be null"
        elif "type" in said:
            kinds = [said["type"]] if isinstance(said["type"], str) else said["type"]
            assert type(value) is JSON_TYPES[kinds[0]], f"{name}.{member}"
