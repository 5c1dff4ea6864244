"""Sentences about a run that every view says in the same words."""
