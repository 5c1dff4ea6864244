"""Rows of data, what a program answers to one, and the plain values in them."""
