"""Signatures: their fields, types and bounds."""
