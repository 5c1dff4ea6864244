"""The run as its user has it: begun, watched, joined and resumed."""
