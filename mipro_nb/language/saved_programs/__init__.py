"""Programs saved as JSON, ours and those that DSPy has saved."""
