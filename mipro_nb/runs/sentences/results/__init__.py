"""Sentences about what a run found: scores, gains, costs, formats and headroom."""
