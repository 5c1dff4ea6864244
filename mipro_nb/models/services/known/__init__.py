"""What is known of services before a call: names, addresses, LiteLLM's, and missing prices."""
