"""The network's HTTP faces."""
