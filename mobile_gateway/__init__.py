"""The emulated carrier network and its virtual handsets: a program of its own, which knows nothing of the shop."""
