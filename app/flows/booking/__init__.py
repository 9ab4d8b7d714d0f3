"""What is sold, what of it is free, and how places are held."""
