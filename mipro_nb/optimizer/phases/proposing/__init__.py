"""Instruction candidates: what the prompt model is shown, writes, and repairs."""
