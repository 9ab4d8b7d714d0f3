"""The one file in which the network remembers: a thread, group commits, and the only SQL."""
