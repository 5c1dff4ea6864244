"""Sentences about instructions: decided about, changed, repaired and dropped."""
