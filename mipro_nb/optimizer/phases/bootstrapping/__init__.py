"""Demo sets: traces that pass the metric, and what of them has room in a prompt."""
