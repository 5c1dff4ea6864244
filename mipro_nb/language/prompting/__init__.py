"""One call of a predictor: what it needs, how its prompt is put together, its reply read."""
