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
SCANS = Counter("cyberticket_scans_total", "Presentations at gates by reason.", ["reason"], registry=REGISTRY)
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
OUTBOX_DEAD = Gauge("cyberticket_outbox_dead", "Dead letters that wait for staff.", registry=REGISTRY)
