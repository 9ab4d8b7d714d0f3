"""Messages to handsets: written, sent, and followed to their receipts."""
