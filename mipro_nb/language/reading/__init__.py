"""Reading replies: marks, thoughts, nearly-JSON, and values of the declared types."""
