"""What users call: predictors, modules made of them, prompts of their own, foreign programs."""
