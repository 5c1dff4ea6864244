"""Asking for permission: where a person is asked, what they are told, and a yes given before."""
