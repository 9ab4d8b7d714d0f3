"""Money that goes back: refunds, disputes, and what the network booked of them."""
