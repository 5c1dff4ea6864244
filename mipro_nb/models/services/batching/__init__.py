"""A provider's batch endpoint: what can be sent there, and how its batches stand."""
