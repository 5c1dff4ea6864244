"""What came of a run: the result, what candidates add, and what still fails."""
