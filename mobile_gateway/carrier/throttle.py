"""How fast each account may submit: counted in memory, since a restart may forgive everybody."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from mobile_gateway.carrier.carrier import Throttled
from mobile_gateway.carrier.faults import AccountRules, Bucket


class Throttle:
    """The accounts' rules and how much of them is used up."""

    def __init__(self, submits_per_second: float) -> None:
        self.queues: dict[str, int] = {}
        self._default = submits_per_second
        self._rules: dict[str, AccountRules] = {}
        self._buckets: dict[str, Bucket] = {}

    def knows(self, account: str) -> bool:
        """Whether the account's rules were set since the start."""
        return account in self._rules

    def rules(self, account: str) -> AccountRules:
        return self._rules[account]

    def set(self, account: str, rules: AccountRules) -> None:
        """Hold `account` to these from now on."""
        self._rules[account] = rules
        self._buckets.pop(account, None)
        self.queues.pop(account, None)
        if rules.queue_max is not None:
            self.queues[account] = rules.queue_max

    def refuses(self, account: str, now: datetime) -> Throttled | None:
        """Count one submission of an account that is known; the refusal where it is one too many."""
        rules = self._rules[account]
        if rules.throttle_next:
            self._rules[account] = replace(rules, throttle_next=rules.throttle_next - 1)
            return Throttled(1.0)
        per_second = self._default if rules.submits_per_second is None else rules.submits_per_second
        if not per_second:
            return None
        seconds = now.timestamp()
        bucket = self._buckets.get(account) or Bucket.full(per_second, seconds)
        if bucket.room(seconds, 1) == 0:
            return Throttled(bucket.wait_seconds(seconds))
        self._buckets[account] = bucket.take(1, seconds)
        return None
