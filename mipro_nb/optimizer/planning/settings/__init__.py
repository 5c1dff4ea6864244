"""What a person asks for: every hyperparameter, with its type, bounds and default."""
