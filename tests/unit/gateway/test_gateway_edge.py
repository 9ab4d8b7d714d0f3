"""The outermost wall of the network's HTTP face: how long a body may take."""

from __future__ import annotations

import asyncio
import json

from starlette.types import Message, Receive, Scope, Send

from mobile_gateway.api.edge import Edge


async def heard(edge: Edge, *pieces: Message) -> list[Message]:
    """What the edge answers a POST whose body comes in these pieces, and then no more."""
    coming, answers = list(pieces), []

    async def receive() -> Message:
        if coming:
            return coming.pop(0)
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        answers.append(message)

    scope: Scope = {"type": "http", "method": "POST", "path": "/pap", "headers": []}
    async with asyncio.timeout(30):
        await edge(scope, receive, send)
    return answers


async def never_reached(scope: Scope, receive: Receive, send: Send) -> None:
    raise AssertionError((scope, receive, send))


async def test_a_body_that_never_ends_is_not_waited_for() -> None:
    begun: Message = {"type": "http.request", "body": b"ab", "more_body": True}
    head, body = await heard(Edge(never_reached, body_seconds_max=0.05), begun)
    assert head["status"] == 408
    assert (b"connection", b"close") in head["headers"]
    assert json.loads(body["body"])["type"] == "/problems#too-slow"


async def test_a_body_that_came_is_not_hurried_afterwards() -> None:
    """The application may take its time, an event stream all day."""

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["method"] == "POST"
        message = await receive()
        await asyncio.sleep(0.1)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": message["body"]})

    whole: Message = {"type": "http.request", "body": b"ab", "more_body": False}
    head, body = await heard(Edge(slow, body_seconds_max=0.05), whole)
    assert (head["status"], body["body"]) == (200, b"ab")
