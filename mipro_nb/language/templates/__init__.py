"""Prompts that their users have written: placeholders, the optimized part, other tools' files."""
