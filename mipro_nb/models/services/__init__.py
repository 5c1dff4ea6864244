"""The services that answer calls: OpenAI-compatible servers by name, and the embedded model."""
