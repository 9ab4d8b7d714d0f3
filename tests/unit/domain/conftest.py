"""Properties here are judged by what they find, not by a stopwatch: a busy machine is no counterexample."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("no-stopwatch", deadline=None)
settings.load_profile("no-stopwatch")
