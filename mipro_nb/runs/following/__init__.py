"""Runs as views follow them: what views ask, and what is told to them."""
