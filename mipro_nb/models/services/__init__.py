"""The services that answer calls: servers, a provider's batches, the embedded LM, a user's own."""
