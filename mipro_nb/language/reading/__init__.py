"""Reading replies: each output's text becomes a value of its declared type."""
