"""Looking into a run: trials, examples, LM calls, whole texts."""
