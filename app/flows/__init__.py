"""Verbs: each reads like the patent's paragraph, owns its transactions, and makes no network call inside one."""
