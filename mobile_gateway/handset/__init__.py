"""The phone: what its memory holds, what its keys do, what a short message becomes in it. Pure."""
