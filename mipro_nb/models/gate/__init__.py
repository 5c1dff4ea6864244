"""The admission gate: permission, caps, kept answers and pace, which every LM call passes."""
