"""Prompts that their users have written: text with placeholders, one part of which is optimized."""
