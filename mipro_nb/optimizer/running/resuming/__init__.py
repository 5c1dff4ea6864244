"""Resuming a run: which one, whether it is still the same, and the line that does it."""
