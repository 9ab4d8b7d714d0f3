"""Where an issuer's stock and register live, behind one Protocol: here, or (later) on its own server."""
