"""What the house can do in a second, beside what PostgreSQL alone can do: `python -m bench`, or `make bench`."""
