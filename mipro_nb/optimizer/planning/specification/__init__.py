"""What a run knows before it starts, and what it had done before it is resumed."""
