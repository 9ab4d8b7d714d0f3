"""What crosses the HTTP border: strict on the way in, chosen field by field on the way out."""
