"""What a reply consists of: thoughts, and fields with their marks."""
