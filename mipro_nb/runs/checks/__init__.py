"""Whether records and the runs in them are sound."""
