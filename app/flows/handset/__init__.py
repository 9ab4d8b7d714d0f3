"""What a handset may do for itself: sign in, keep its tickets, show them, move to another number."""
