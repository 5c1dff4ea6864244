"""Scores: configurations on validation examples, the leader, its gain, and chance."""
