"""What the record keeps of calls, and which calls it answers: earlier ones and equal draws."""
