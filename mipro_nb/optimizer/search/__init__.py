"""Choosing what to try: configurations, samplers, minibatches, and what is believed of a score."""
