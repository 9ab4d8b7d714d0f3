"""Every table, so that importing this package fills the metadata."""

from app.store.tables.catalogue import Issuer, Occasion, Price, Product, Route, RouteStop, Stop, Venue
from app.store.tables.conversations import Conversation, Inbox, InboxPart
from app.store.tables.edges import ApiKey, Chore, Idempotency, Journal, Outbox
from app.store.tables.handsets import Device, Handover, Offer, SignIn
from app.store.tables.messages import Delivery, DeliveryPart, DeliveryTry, HandsetProfile, Receipt
from app.store.tables.money import Account, Settlement, Transfer
from app.store.tables.peers import Peer, SeenToken
from app.store.tables.refunds import Dispute, PaymentEvent, Refund
from app.store.tables.register import Admission, Credential, Gate, GateLog, Incident, PinGuard, Scan, Spend
from app.store.tables.sales import Booking, BookingItem, Payment, Ticket
from app.store.tables.stock import Place, Seating, SeatingPlace

__all__ = [
    "Account",
    "Admission",
    "ApiKey",
    "Booking",
    "BookingItem",
    "Chore",
    "Conversation",
    "Credential",
    "Delivery",
    "DeliveryPart",
    "DeliveryTry",
    "Device",
    "Dispute",
    "Gate",
    "GateLog",
    "Handover",
    "HandsetProfile",
    "Idempotency",
    "Inbox",
    "InboxPart",
    "Incident",
    "Issuer",
    "Journal",
    "Occasion",
    "Offer",
    "Outbox",
    "Payment",
    "PaymentEvent",
    "Peer",
    "PinGuard",
    "Place",
    "Price",
    "Product",
    "Receipt",
    "Refund",
    "Route",
    "RouteStop",
    "Scan",
    "Seating",
    "SeatingPlace",
    "SeenToken",
    "Settlement",
    "SignIn",
    "Spend",
    "Stop",
    "Ticket",
    "Transfer",
    "Venue",
]
