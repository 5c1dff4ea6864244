"""One attempt at one call: how it is sent, what the reply says, and what a failure means."""
