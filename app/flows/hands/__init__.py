"""Tickets that change hands, or are issued anew: one right, one ticket at a time."""
