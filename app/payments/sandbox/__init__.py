"""The sandbox payment network: a card network of its own, Stripe-shaped on the wire, that moves no real money.

It is a separate program with its own database file. Nothing in the sales server calls it in process: whoever wants
to be paid speaks HTTP to it, exactly as to the real network. Kept out on purpose, each with its place to go:

* faults by token or by an admin call: `cards.Behaviour`, decided in `intents.confirm`, and `answers.execute`, the one
  place through which every changing request passes (before, during and after its effect);
* 3-D Secure: `states.Status.REQUIRES_ACTION` and `PROCESSING` exist, in the database's CHECK too; only the events
  that lead there are missing from `states.TRANSITIONS`;
* webhooks: `states.Event` names every change of an intent, and `till.Till.move` is the only function that writes one,
  inside the transaction where an outbox row would belong;
* disputes: a charge has an id and a row of its own (`charges`), which a dispute would point to.
"""

from app.payments.sandbox.network import create_network
from app.payments.sandbox.server import run, serving
from app.payments.sandbox.settings import NetworkSettings

__all__ = ["NetworkSettings", "create_network", "run", "serving"]
