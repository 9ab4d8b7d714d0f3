"""The page where the bank asks the holder of a card: is this payment yours? No script, two buttons.

`GET /3d-secure/{id}` asks, `POST /3d-secure/{id}` decides and answers 303 to the shop. A question that has been
answered or overtaken is not asked again: the page says so and leads back to the shop.
"""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from app.domain.money import Money
from app.payments.sandbox import challenges
from app.payments.sandbox.api import TheDesk
from app.payments.sandbox.challenges import PATH, Challenge
from app.payments.sandbox.desk import Desk
from app.payments.sandbox.errors import ApiError
from app.payments.sandbox.ledger import LedgerBusy
from app.payments.sandbox.pages import language_of, policy, templates, wrong
from app.payments.sandbox.params import read_form, read_query
from app.payments.sandbox.states import ChallengeStatus
from app.payments.sandbox.words import WORDS

DECISIONS = ("approve", "refuse")

router = APIRouter(prefix=PATH, include_in_schema=False)


@router.get("/{challenge_id}")
async def ask(request: Request, desk: TheDesk, challenge_id: str) -> Response:
    lang = language_of(request, None)
    try:
        lang = language_of(request, read_query(request).optional("lang"))
        challenge = await desk.job(lambda till: challenges.find(till, challenge_id))
    except (ApiError, LedgerBusy) as fault:
        return _wrong(lang, fault)
    return _page(challenge, desk, lang)


@router.post("/{challenge_id}")
async def decide(request: Request, desk: TheDesk, challenge_id: str) -> Response:
    lang = language_of(request, None)
    try:
        params = await read_form(request)
        lang = language_of(request, params.optional("lang"))
        approved = params.choice("decision", DECISIONS) == "approve"
        challenge = await desk.job(lambda till: challenges.decide(till, challenge_id, approved=approved))
    except (ApiError, LedgerBusy) as fault:
        return _wrong(lang, fault)
    if challenge.way_back is None:
        return _page(challenge, desk, lang)
    headers = {"Location": challenge.way_back, **policy(challenge.return_url)}
    return Response(status_code=HTTPStatus.SEE_OTHER, headers=headers)


def _page(challenge: Challenge, desk: Desk, lang: str) -> Response:
    intent = challenge.intent
    html = templates.get_template("challenge.html").render(
        words=WORDS[lang],
        lang=lang,
        challenge=challenge,
        is_open=challenge.status is ChallengeStatus.OPEN,
        outcome=f"challenge_{challenge.redirect_status}",
        merchant=desk.settings.merchant,
        description=intent.description,
        amount=Money(intent.amount, intent.currency.upper()).words(lang),
        languages=[(code, WORDS[code]["language"], f"?{urlencode({'lang': code})}") for code in WORDS],
    )
    return Response(html, HTTPStatus.OK, policy(challenge.return_url), media_type="text/html")


def _wrong(lang: str, fault: ApiError | LedgerBusy) -> Response:
    title = "challenge_title"
    if isinstance(fault, LedgerBusy):
        return wrong(lang, title=title, sentence="challenge_busy", status=HTTPStatus.SERVICE_UNAVAILABLE)
    return wrong(lang, title=title, sentence="challenge_unknown", status=fault.answer.status)
