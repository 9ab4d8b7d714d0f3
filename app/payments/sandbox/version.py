"""Which of Stripe's API versions this network speaks."""

from __future__ import annotations

API_VERSION = "2026-10-28.endive"
