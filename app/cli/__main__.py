"""`python -m app.cli` is `cyberticket`."""

from __future__ import annotations

from app.cli import main

main()
