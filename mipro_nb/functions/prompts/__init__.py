"""The texts of a function that are searched: found, shown to it, and set as predictors."""
