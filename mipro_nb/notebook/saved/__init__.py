"""What is seen where no widget runs: saved notebooks, terminals, and shared pages."""
