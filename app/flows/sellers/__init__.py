"""What an issuer does for the sales servers that sell for it."""
