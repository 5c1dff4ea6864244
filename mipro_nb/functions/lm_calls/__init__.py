"""Calls of the LMs that a function asks by itself: caught, led through the gate, and sent."""
