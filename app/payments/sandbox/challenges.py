"""3-D Secure: the bank asks the holder of the card, on a page of its own, whether the payment is theirs.

https://docs.stripe.com/payments/3d-secure. A question is answered once; whoever opens it again, or late, changes
nothing and is sent back to the shop with the state of things.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from app.payments.sandbox import charges, objects
from app.payments.sandbox.addresses import origin, with_query
from app.payments.sandbox.errors import Answer, Json, missing
from app.payments.sandbox.moves import Changes, move_or_refuse
from app.payments.sandbox.states import ChallengeStatus, Event, Status
from app.payments.sandbox.till import Intent, Till

PATH = "/3d-secure"
FAILED: Json = {
    "type": "invalid_request_error",
    "code": "payment_intent_authentication_failure",
    "message": "The provided PaymentMethod has failed authentication. Give another payment_method and confirm again.",
}
PAID = frozenset({Status.REQUIRES_CAPTURE, Status.SUCCEEDED})


@dataclass(frozen=True, slots=True)
class Challenge:
    """One question of the bank and the payment it is about."""

    id: str
    status: ChallengeStatus
    return_url: str | None
    intent: Intent

    @property
    def redirect_status(self) -> str:
        """How the payment stands, in the word that Stripe adds to the return address."""
        if self.status is ChallengeStatus.OPEN:
            return "pending"
        return "succeeded" if self.intent.status in PAID else "failed"

    @property
    def way_back(self) -> str | None:
        """The shop's address with what Stripe adds to it; None where the shop gave none."""
        if self.return_url is None:
            return None
        return with_query(
            self.return_url,
            {
                "payment_intent": self.intent.id,
                "payment_intent_client_secret": self.intent.client_secret,
                "redirect_status": self.redirect_status,
            },
        )


def ask(till: Till, intent: Intent, *, return_url: str | None) -> Answer:
    """The intent waits for the holder; the answer says where the question is.

    A return address that the operator has not allowed is not used: then the shop must show the question itself.
    """
    challenge = till.new_id("payatt_3ds")
    url = f"{till.base_url}{PATH}/{challenge}"
    back = return_url if return_url and allowed(till, return_url) else None
    action: Json
    if back:
        action = {"type": "redirect_to_url", "redirect_to_url": {"return_url": back, "url": url}}
    else:
        action = {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect", "stripe_js": url}}
    after = move_or_refuse(till, intent, Event.CHALLENGED, Changes(next_action=action))
    till.connection.execute(
        "INSERT INTO challenges (id, payment_intent, return_url, status, created) VALUES (?, ?, ?, ?, ?)",
        (challenge, intent.id, back, ChallengeStatus.OPEN, till.seconds),
    )
    return Answer(HTTPStatus.OK, objects.payment_intent(after))


def allowed(till: Till, return_url: str) -> bool:
    """Whether browsers may be sent there."""
    try:
        return origin(return_url) in till.rules.return_origins
    except ValueError:
        return False


def find(till: Till, challenge: str) -> Challenge:
    """Raises ApiError 404."""
    row = till.connection.execute(
        "SELECT payment_intent, return_url, status FROM challenges WHERE id = ?", (challenge,)
    ).fetchone()
    if row is None:
        raise missing("challenge", challenge[:80])
    intent_id, return_url, status = row
    return Challenge(challenge, ChallengeStatus(status), return_url, till.intent(intent_id))


def decide(till: Till, challenge_id: str, *, approved: bool) -> Challenge:
    """What the holder said, if the question is still open; then the card is charged, or the intent waits for another.

    Raises ApiError 404.
    """
    challenge = find(till, challenge_id)
    if challenge.status is not ChallengeStatus.OPEN:
        return challenge
    intent = challenge.intent
    assert intent.status is Status.REQUIRES_ACTION
    assert intent.payment_method is not None
    till.connection.execute(
        "UPDATE challenges SET status = ? WHERE id = ?",
        (ChallengeStatus.APPROVED if approved else ChallengeStatus.REFUSED, challenge_id),
    )
    card = till.method(intent.payment_method)
    if approved:
        charges.attempt(till, intent, card)
    else:
        method = objects.payment_method(intent.payment_method, card, created=intent.created)
        move_or_refuse(till, intent, Event.DECLINED, Changes(last_payment_error={**FAILED, "payment_method": method}))
    return find(till, challenge_id)
