"""Charges to a subscriber's phone bill, shaped after CAMARA Carrier Billing."""
