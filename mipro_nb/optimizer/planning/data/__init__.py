"""The rows of a run: split, checked, and looked at for their labels."""
