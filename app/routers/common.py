"""What every router needs: the world, who is calling, and requests that are carried out once."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

import sqlalchemy as sa
from fastapi import Depends, Header, Path, Request
from fastapi.responses import Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from fastapi.security.http import HTTPBase
from pydantic import BaseModel

from app.domain.refusals import KeyMissing, NotAuthentic, NotFound, Refusal, WrongState
from app.flows import staff
from app.flows.booking.book import link_hash
from app.flows.gate import tokens as gate_tokens
from app.flows.gate.tokens import GateCaller
from app.flows.once import Reply
from app.flows.once import once as carry_out_once
from app.flows.staff import Member
from app.flows.tickets import show
from app.problems import NOT_FINAL, refusal_response
from app.schemas import examples
from app.world import World

IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{8,100}")

# Dependencies are coroutines though some await nothing: FastAPI would send each plain one through a thread, which costs
# more than most of our answers.


async def the_world(request: Request) -> World:
    world: World = request.app.state.world
    return world


TheWorld = Annotated[World, Depends(the_world)]
BookingId = Annotated[UUID, Path(examples=[examples.BOOKING])]
TicketId = Annotated[UUID, Path(examples=[examples.TICKET])]

_buyer = HTTPBearer(scheme_name="bookingLink", description="The `link` of a booking or a ticket.", auto_error=False)
_staff = HTTPBearer(scheme_name="staffKey", description="A key made by `cyberticket staff-key`.", auto_error=False)
_gate = HTTPBearer(scheme_name="gateToken", description="An online scanner's: POST /gate/enrolments.", auto_error=False)
_gate_key = HTTPBase(
    scheme="DPoP",
    scheme_name="gateKey",
    description="A token from POST /gate/enrolments with a `key`; each request bears a proof of it (RFC 9449).",
    auto_error=False,
)

Bearer = HTTPAuthorizationCredentials | None


async def the_member(world: TheWorld, bearer: Annotated[Bearer, Depends(_staff)]) -> Member:
    """Staff by key; raises NotAuthentic."""
    if bearer is None:
        raise NotAuthentic("Send a staff key as a bearer token.")
    return await staff.member(world, bearer.credentials)


TheMember = Annotated[Member, Depends(the_member)]


PROOF_CHARS_MAX = 4_096
ProofHeader = Annotated[
    str | None,
    Header(alias="DPoP", max_length=PROOF_CHARS_MAX, description="A proof of the device's own key (RFC 9449)."),
]


def own_address(request: Request, world: World) -> str:
    """Where this request went, as clients are told: that is what their proofs are for."""
    path: str = request.scope["path"]
    return world.house.public_url + path


async def the_gate(
    request: Request,
    world: TheWorld,
    given: Annotated[Bearer, Depends(_gate_key)],
    _: Annotated[Bearer, Depends(_gate)],
    proof: ProofHeader = None,
) -> GateCaller:
    """A gate by its token, and by a proof of its key where it has one; raises NotAuthentic."""
    if given is None:
        raise NotAuthentic(gate_tokens.ENROL_FIRST)
    url = own_address(request, world)
    shown = gate_tokens.Shown(given.scheme, given.credentials, proof, request.method, url)
    return await gate_tokens.caller_of(world, shown)


TheGate = Annotated[GateCaller, Depends(the_gate)]


async def the_bound_gate(gate: TheGate) -> GateCaller:
    """A gate that has a key of its own, and so may decide alone; raises NotAllowed for an online scanner."""
    gate.require_bound()
    return gate


TheBoundGate = Annotated[GateCaller, Depends(the_bound_gate)]


def own_booking(scope: str) -> Callable[..., Awaitable[UUID]]:
    """A dependency: a booking by its own link, or by staff of its issuer whose key has `scope`.

    Anything else looks like no booking at all.
    """

    async def dependency(booking_id: BookingId, world: TheWorld, bearer: Annotated[Bearer, Depends(_buyer)]) -> UUID:
        if bearer is None:
            raise NotAuthentic("Send the booking's link as a bearer token.")
        if bearer.credentials.startswith(f"{staff.KEY_TAG}_"):
            caller = await staff.member(world, bearer.credentials)
            caller.require(scope)
            view = await show.booking(world, booking_id)
            if caller.acts_for(view.booking.issuer_id):
                return booking_id
        else:
            row = await show.booking_by_link(world, link_hash(bearer.credentials))
            if row.id == booking_id:
                return booking_id
        raise NotFound("There is no such booking.")

    return dependency


TheReadBooking = Annotated[UUID, Depends(own_booking("read"))]
TheSoldBooking = Annotated[UUID, Depends(own_booking("sell"))]
"""For what changes a booking: paying and cancelling."""
TheReturnedBooking = Annotated[UUID, Depends(own_booking("refund"))]


def own_ticket(scope: str) -> Callable[..., Awaitable[sa.Row[Any]]]:
    """A dependency: a ticket by its link, by its booking's link, or by staff of its issuer whose key has `scope`."""

    async def dependency(
        ticket_id: TicketId, world: TheWorld, bearer: Annotated[Bearer, Depends(_buyer)]
    ) -> sa.Row[Any]:
        if bearer is None:
            raise NotAuthentic("Send the ticket's or the booking's link as a bearer token.")
        if bearer.credentials.startswith(f"{staff.KEY_TAG}_"):
            caller = await staff.member(world, bearer.credentials)
            caller.require(scope)
            row = await show.ticket(world, ticket_id)
            mine = caller.acts_for(row.issuer_id)
        else:
            row = await show.ticket(world, ticket_id)
            digest = link_hash(bearer.credentials)
            bought = hmac.compare_digest(digest, row.booking_link_hash)
            # What its buyer gave away is its receiver's alone.
            mine = hmac.compare_digest(digest, row.link_hash) or (bought and not row.received)
        if not mine:
            raise NotFound("There is no such ticket.")
        return row

    return dependency


TheReadTicket = Annotated[Any, Depends(own_ticket("read"))]
TheSentTicket = Annotated[Any, Depends(own_ticket("messages"))]
TheSoldTicket = Annotated[Any, Depends(own_ticket("sell"))]


async def the_given_ticket(ticket: TheSoldTicket, bearer: Annotated[Bearer, Depends(_buyer)]) -> Any:
    """A ticket that its holder, or staff, may give; raises WrongState for whoever bought it for another handset."""
    assert bearer is not None, "without one nobody gets a ticket"
    bought = hmac.compare_digest(link_hash(bearer.credentials), ticket.booking_link_hash)
    if bought and ticket.handset != ticket.buyer:
        raise WrongState("This ticket is with another handset; only its holder can give it on.")
    return ticket


TheGivenTicket = Annotated[Any, Depends(the_given_ticket)]


async def the_revocable_ticket(ticket_id: TicketId, world: TheWorld, member: TheMember) -> sa.Row[Any]:
    """A ticket that this member may revoke; holders and buyers may not."""
    member.require("refund")
    row = await show.ticket(world, ticket_id)
    if not member.acts_for(row.issuer_id):
        raise NotFound("There is no such ticket.")
    return row


TheRevocableTicket = Annotated[Any, Depends(the_revocable_ticket)]


class Once:
    """Carries a request out once per Idempotency-Key, and answers repetitions with the first answer.

    `caller` is who asks, where the Authorization header does not say it: tokens that are renewed are one caller's.
    """

    def __init__(self, request: Request, world: World, key: str | None, caller: str = "") -> None:
        self._request = request
        self._world = world
        self._key = key
        self._caller = caller

    async def __call__(self, status: int, work: Callable[[], Awaitable[BaseModel]]) -> Response:
        """`work`'s result with `status`, or its refusal; raises KeyMissing, KeyReused, KeyBusy."""
        if self._key is None or not IDEMPOTENCY_KEY.fullmatch(self._key):
            raise KeyMissing("Send an Idempotency-Key header of 8 to 100 letters, fresh for each new request.")
        caller = self._caller or self._request.headers.get("authorization", "")
        who = hashlib.sha256(caller.encode()).hexdigest()[:32]
        scope = f"{who} {self._request.method} {self._request.scope['path']}"[:100]

        async def answer() -> Reply:
            try:
                result = await work()
            except Refusal as refusal:
                if isinstance(refusal, NOT_FINAL):
                    raise  # nothing is kept of it, and its own headers say when to come back
                response = refusal_response(self._request, refusal)
                return Reply(response.status_code, bytes(response.body), "application/problem+json")
            return Reply(status, result.model_dump_json().encode(), "application/json")

        reply = await carry_out_once(
            self._world, scope=scope, key=self._key, request=await self._request.body(), work=answer
        )
        headers = {"Idempotent-Replayed": "true"} if reply.replayed else None
        return Response(reply.body, reply.status, headers, reply.media_type)


IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="A fresh random key, 8 to 100 characters; the same again when you retry.",
    ),
]


async def the_once(request: Request, world: TheWorld, key: IdempotencyKey = None) -> Once:
    return Once(request, world, key)


TheOnce = Annotated[Once, Depends(the_once)]
