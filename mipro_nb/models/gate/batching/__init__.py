"""Calls that wait to be sent together: who may still add to a batch, and how each one ends."""
