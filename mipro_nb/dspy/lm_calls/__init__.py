"""Calls of DSPy's LMs: caught, led through the gate, and sent by DSPy's own transport."""
