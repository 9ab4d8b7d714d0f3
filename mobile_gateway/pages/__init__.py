"""The pages with the virtual phones."""
