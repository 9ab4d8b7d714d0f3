"""The network's tables, and its last line: no capture beyond what was asked, no refund beyond what was taken."""

from __future__ import annotations

from enum import StrEnum

from app.payments.sandbox.cards import Behaviour
from app.payments.sandbox.states import Status

SCHEMA_VERSION = 1


def _values(kind: type[StrEnum]) -> str:
    return ", ".join(f"'{member.value}'" for member in kind)


SCHEMA = (
    f"""CREATE TABLE payment_methods (
        seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, brand TEXT NOT NULL,
        last4 TEXT NOT NULL CHECK (length(last4) = 4),
        fingerprint TEXT NOT NULL, exp_month INTEGER NOT NULL CHECK (exp_month BETWEEN 1 AND 12),
        exp_year INTEGER NOT NULL, behaviour TEXT NOT NULL CHECK (behaviour IN ({_values(Behaviour)})),
        created INTEGER NOT NULL) STRICT""",
    f"""CREATE TABLE payment_intents (
        seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, status TEXT NOT NULL CHECK (status IN ({_values(Status)})),
        amount INTEGER NOT NULL CHECK (amount > 0), currency TEXT NOT NULL,
        capture_method TEXT NOT NULL CHECK (capture_method IN ('manual', 'automatic')),
        payment_method TEXT, description TEXT, metadata TEXT NOT NULL, client_secret TEXT NOT NULL,
        amount_received INTEGER NOT NULL DEFAULT 0 CHECK (amount_received BETWEEN 0 AND amount),
        amount_refunded INTEGER NOT NULL DEFAULT 0 CHECK (amount_refunded BETWEEN 0 AND amount_received),
        latest_charge TEXT, last_payment_error TEXT, canceled_at INTEGER, cancellation_reason TEXT,
        created INTEGER NOT NULL,
        CHECK (amount_received = 0 OR status = '{Status.SUCCEEDED}')) STRICT""",
    """CREATE TABLE charges (
        seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, payment_intent TEXT NOT NULL REFERENCES payment_intents (id),
        payment_method TEXT NOT NULL, amount INTEGER NOT NULL CHECK (amount > 0),
        failure_code TEXT, created INTEGER NOT NULL) STRICT""",
    # One intent takes money once, whatever the code above believes.
    "CREATE UNIQUE INDEX one_paid_charge ON charges (payment_intent) WHERE failure_code IS NULL",
    """CREATE TABLE refunds (
        seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, payment_intent TEXT NOT NULL REFERENCES payment_intents (id),
        charge TEXT NOT NULL REFERENCES charges (id), amount INTEGER NOT NULL CHECK (amount > 0),
        currency TEXT NOT NULL, reason TEXT, metadata TEXT NOT NULL, created INTEGER NOT NULL) STRICT""",
    "CREATE INDEX refunds_by_intent ON refunds (payment_intent, seq)",
    """CREATE TABLE answers (
        scope TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, status INTEGER NOT NULL, body TEXT NOT NULL,
        created INTEGER NOT NULL, PRIMARY KEY (scope, key)) STRICT""",
    "CREATE INDEX answers_by_age ON answers (created)",
)
