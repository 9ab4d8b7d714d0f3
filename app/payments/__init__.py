"""Ways to be paid: each file speaks to one payment network, and `sandbox` is an emulated network of its own."""
