"""How a run ends: the program that it returns, and its test score."""
