"""Sentences about replies: how they were read, what failed, and how people rate them."""
