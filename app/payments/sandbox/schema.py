"""The network's tables, and its last line: no capture beyond what was asked, no refund beyond what was taken."""

from __future__ import annotations

from enum import StrEnum

from app.payments.sandbox.cards import Behaviour
from app.payments.sandbox.faults import What, Where
from app.payments.sandbox.states import ChallengeStatus, DisputeStatus, RefundStatus, Status, Task

SCHEMA_VERSION = 2


def _values(kind: type[StrEnum]) -> str:
    return ", ".join(f"'{member.value}'" for member in kind)


PAYMENTS = (
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
        created INTEGER NOT NULL, return_url TEXT, next_action TEXT,
        CHECK (amount_received = 0 OR status = '{Status.SUCCEEDED}'),
        CHECK ((next_action IS NOT NULL) = (status = '{Status.REQUIRES_ACTION}'))) STRICT""",
    """CREATE TABLE charges (
        seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, payment_intent TEXT NOT NULL REFERENCES payment_intents (id),
        payment_method TEXT NOT NULL, amount INTEGER NOT NULL CHECK (amount > 0),
        failure_code TEXT, created INTEGER NOT NULL) STRICT""",
    # One intent takes money once, whatever the code above believes.
    "CREATE UNIQUE INDEX one_paid_charge ON charges (payment_intent) WHERE failure_code IS NULL",
    f"""CREATE TABLE challenges (
        seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, payment_intent TEXT NOT NULL REFERENCES payment_intents (id),
        return_url TEXT, status TEXT NOT NULL CHECK (status IN ({_values(ChallengeStatus)})),
        created INTEGER NOT NULL) STRICT""",
    f"CREATE UNIQUE INDEX one_open_challenge ON challenges (payment_intent) WHERE status = '{ChallengeStatus.OPEN}'",
    f"""CREATE TABLE refunds (
        seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, payment_intent TEXT NOT NULL REFERENCES payment_intents (id),
        charge TEXT NOT NULL REFERENCES charges (id), amount INTEGER NOT NULL CHECK (amount > 0),
        currency TEXT NOT NULL, reason TEXT, metadata TEXT NOT NULL, created INTEGER NOT NULL,
        status TEXT NOT NULL CHECK (status IN ({_values(RefundStatus)})), failure_reason TEXT,
        balance_transaction TEXT NOT NULL REFERENCES balance_transactions (id) DEFERRABLE INITIALLY DEFERRED,
        failure_balance_transaction TEXT REFERENCES balance_transactions (id),
        CHECK ((status = '{RefundStatus.FAILED}') = (failure_balance_transaction IS NOT NULL))) STRICT""",
    "CREATE INDEX refunds_by_intent ON refunds (payment_intent, seq)",
    f"""CREATE TABLE disputes (
        seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, payment_intent TEXT NOT NULL REFERENCES payment_intents (id),
        charge TEXT NOT NULL REFERENCES charges (id), amount INTEGER NOT NULL CHECK (amount > 0),
        currency TEXT NOT NULL, reason TEXT NOT NULL,
        status TEXT NOT NULL CHECK (status IN ({_values(DisputeStatus)})),
        evidence TEXT NOT NULL, metadata TEXT NOT NULL, submissions INTEGER NOT NULL DEFAULT 0,
        due_by INTEGER NOT NULL, created INTEGER NOT NULL) STRICT""",
    # A charge is disputed once, as on the real networks.
    "CREATE UNIQUE INDEX one_dispute ON disputes (payment_intent)",
)

MONEY = (
    # One row per fact that moved money: the same fact cannot be counted twice.
    """CREATE TABLE balance_transactions (
        seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
        type TEXT NOT NULL CHECK (type IN ('charge', 'refund', 'refund_failure', 'adjustment')),
        reporting_category TEXT NOT NULL, amount INTEGER NOT NULL, fee INTEGER NOT NULL, net INTEGER NOT NULL,
        currency TEXT NOT NULL, source TEXT NOT NULL, description TEXT, created INTEGER NOT NULL,
        CHECK (net = amount - fee),
        CHECK (amount <> 0 AND (amount > 0) = (reporting_category IN ('charge', 'refund_failure', 'dispute_reversal'))),
        UNIQUE (source, reporting_category)) STRICT""",
    "CREATE INDEX balance_by_time ON balance_transactions (created)",
)

NEWS = (
    """CREATE TABLE events (
        seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, type TEXT NOT NULL, data TEXT NOT NULL,
        idempotency_key TEXT, created INTEGER NOT NULL) STRICT""",
    "CREATE INDEX events_by_age ON events (created)",
    """CREATE TABLE endpoints (
        seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, url TEXT NOT NULL, enabled_events TEXT NOT NULL,
        description TEXT, metadata TEXT NOT NULL, configured INTEGER NOT NULL CHECK (configured IN (0, 1)),
        generation INTEGER NOT NULL DEFAULT 1, previous_until REAL NOT NULL DEFAULT 0, created INTEGER NOT NULL)
        STRICT""",
    # The outbox: what an endpoint has not acknowledged yet. Done or given up, a row goes.
    """CREATE TABLE deliveries (
        seq INTEGER PRIMARY KEY, event INTEGER NOT NULL REFERENCES events (seq) ON DELETE CASCADE,
        endpoint INTEGER NOT NULL REFERENCES endpoints (seq) ON DELETE CASCADE,
        attempts INTEGER NOT NULL DEFAULT 0, due REAL NOT NULL, since REAL NOT NULL,
        held INTEGER NOT NULL DEFAULT 0 CHECK (held IN (0, 1)), late INTEGER NOT NULL DEFAULT 0, last_error TEXT,
        UNIQUE (event, endpoint)) STRICT""",
    "CREATE INDEX deliveries_by_time ON deliveries (due)",
    "CREATE INDEX deliveries_by_endpoint ON deliveries (endpoint, held)",
)

HOUSEKEEPING = (
    f"""CREATE TABLE tasks (
        seq INTEGER PRIMARY KEY, kind TEXT NOT NULL CHECK (kind IN ({_values(Task)})), subject TEXT NOT NULL,
        due REAL NOT NULL, UNIQUE (kind, subject)) STRICT""",
    "CREATE INDEX tasks_by_time ON tasks (due)",
    f"""CREATE TABLE faults (
        id TEXT PRIMARY KEY, at TEXT NOT NULL CHECK (at IN ({_values(Where)})),
        what TEXT NOT NULL CHECK (what IN ({_values(What)})), times INTEGER NOT NULL CHECK (times > 0),
        milliseconds INTEGER NOT NULL, percent INTEGER NOT NULL CHECK (percent BETWEEN 1 AND 100),
        seed INTEGER NOT NULL, intent TEXT, event_type TEXT, seen INTEGER NOT NULL DEFAULT 0,
        met INTEGER NOT NULL DEFAULT 0, until REAL) STRICT""",
    """CREATE TABLE answers (
        scope TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, status INTEGER NOT NULL, body TEXT NOT NULL,
        created INTEGER NOT NULL, PRIMARY KEY (scope, key)) STRICT""",
    "CREATE INDEX answers_by_age ON answers (created)",
)

SCHEMA = (*PAYMENTS, *MONEY, *NEWS, *HOUSEKEEPING)
