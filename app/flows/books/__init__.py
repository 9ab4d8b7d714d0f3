"""The double-entry books, and what issuers are to be paid by them."""
