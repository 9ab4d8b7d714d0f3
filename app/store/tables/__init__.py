"""Every table, so that importing this package fills the metadata."""

from app.store.tables.catalogue import Issuer, Occasion, Price, Product, Route, RouteStop, Stop, Venue
from app.store.tables.conversations import Conversation, Inbox, InboxPart
from app.store.tables.edges import ApiKey, Idempotency, Outbox
from app.store.tables.messages import Delivery, DeliveryPart, DeliveryTry, HandsetProfile, Receipt
from app.store.tables.money import Account, Transfer
from app.store.tables.register import Admission, Credential, Gate, PinGuard, Scan
from app.store.tables.sales import Booking, BookingItem, Payment, Ticket
from app.store.tables.stock import Place, Seating, SeatingPlace

__all__ = [
    "Account",
    "Admission",
    "ApiKey",
    "Booking",
    "BookingItem",
    "Conversation",
    "Credential",
    "Delivery",
    "DeliveryPart",
    "DeliveryTry",
    "Gate",
    "HandsetProfile",
    "Idempotency",
    "Inbox",
    "InboxPart",
    "Issuer",
    "Occasion",
    "Outbox",
    "Payment",
    "PinGuard",
    "Place",
    "Price",
    "Product",
    "Receipt",
    "Route",
    "RouteStop",
    "Scan",
    "Seating",
    "SeatingPlace",
    "Stop",
    "Ticket",
    "Transfer",
    "Venue",
]
