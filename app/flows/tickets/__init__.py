"""Tickets made, shown, registered with their issuer, revoked."""
