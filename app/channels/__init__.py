"""Ways to a handset, behind one Protocol. A new carrier is one file here and one line in the wiring."""
