"""The sandbox payment network: a card network of its own, Stripe-shaped on the wire, that moves no real money.

It is a separate program with its own database file. Nothing in the sales server calls it in process: whoever wants
to be paid speaks HTTP to it, exactly as to the real network. Where things are:

* asking and answering: `api`, `api_money`, `api_news`, `admin` -> `desk` -> `answers` (idempotency) -> `ledger` (disk);
* what a request does inside one transaction (`till`): `intents`, `charges`, `challenges`, `refunds`, `disputes`,
  `methods`, `endpoints`; `moves` is the only way to change an intent, `balance` the only way to move money;
* news: `events` writes them with the fact, `outbox` says what is owed to whom, `courier` carries it;
* bad days: `cards` and `faults` say what may go wrong, `weather` lets it; `later` is what takes a while.
"""

from app.payments.sandbox.network import create_network
from app.payments.sandbox.server import run, serving
from app.payments.sandbox.settings import NetworkSettings

__all__ = ["NetworkSettings", "create_network", "run", "serving"]
