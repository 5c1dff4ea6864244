"""The record's file: its tables, its transactions, and who is writing to it."""
