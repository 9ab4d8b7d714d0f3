"""What operators watch: Prometheus metrics of this process."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()

REQUEST_SECONDS = Histogram(
    "cyberticket_request_seconds",
    "How long requests took.",
    ["method", "route", "status"],
    registry=REGISTRY,
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
BOOKINGS = Counter("cyberticket_bookings_total", "Bookings by outcome.", ["outcome"], registry=REGISTRY)
PAYMENTS = Counter("cyberticket_payments_total", "Payments by provider and outcome.", ["outcome"], registry=REGISTRY)
REFUNDS = Counter("cyberticket_refunds_total", "Refunds by what happened to them.", ["event"], registry=REGISTRY)
REFUNDS_FAILED = Gauge("cyberticket_refunds_failed", "Refunds that failed and wait for staff.", registry=REGISTRY)
DISPUTES = Counter("cyberticket_disputes_total", "Disputes by what became of them.", ["event"], registry=REGISTRY)
NETWORK_DIFFERENCES = Gauge(
    "cyberticket_network_differences",
    "Lines of a day that the payment network and our books do not agree on.",
    ["network"],
    registry=REGISTRY,
)
SCANS = Counter("cyberticket_scans_total", "Presentations at gates by reason.", ["reason"], registry=REGISTRY)
GATE_ENTRIES = Counter(
    "cyberticket_gate_entries_total",
    "Entries of gates' logs that were brought: taken or refused.",
    ["what"],
    registry=REGISTRY,
)
INCIDENTS = Counter(
    "cyberticket_incidents_total", "What gates without network brought about, by kind.", ["kind"], registry=REGISTRY
)
NEWS = Counter(
    "cyberticket_payment_news_total", "Webhooks of payment networks: new, old or forged.", ["what"], registry=REGISTRY
)
RECEIPTS = Counter(
    "cyberticket_receipts_total", "Carrier receipts by whether they said something new.", ["new"], registry=REGISTRY
)
HEARD = Counter(
    "cyberticket_heard_total", "Text messages that were answered, by what they asked for.", ["asked"], registry=REGISTRY
)
CARRIED_OUT = Counter(
    "cyberticket_outbox_total", "Consequences by topic and outcome.", ["topic", "outcome"], registry=REGISTRY
)
OUTBOX_OWED = Gauge("cyberticket_outbox_owed", "Consequences not yet carried out.", registry=REGISTRY)
OUTBOX_AGE_SECONDS = Gauge("cyberticket_outbox_age_seconds", "How long the oldest has been due.", registry=REGISTRY)
AUDIT_BREACHES = Gauge(
    "cyberticket_audit_breaches", "Breaches that the last audit found.", ["invariant"], registry=REGISTRY
)
AUDIT_LAST_RUN_SECONDS = Gauge(
    "cyberticket_audit_last_run_seconds", "When the last audit ended, as Unix time.", registry=REGISTRY
)
OUTBOX_LATE = Gauge(
    "cyberticket_outbox_late",
    "Consequences tried as often as others before they are given up: an issuer's server does not take them.",
    registry=REGISTRY,
)
ISSUER_UP = Gauge(
    "cyberticket_issuer_up",
    "Whether an issuer's own server answered just now (1) or not (0).",
    ["issuer"],
    registry=REGISTRY,
)
OUTBOX_DEAD = Gauge("cyberticket_outbox_dead", "Dead letters that wait for staff.", registry=REGISTRY)
