"""For those who come from DSPy: names and modules that they look for here in vain."""
