"""The database's history: run by `cyberticket migrate`."""
