"""The only SQL: rows, constraints, named queries, state moves, the outbox."""
