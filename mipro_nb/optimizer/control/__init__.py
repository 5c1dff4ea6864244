"""What goes on beside the phases: pausing, steering, and work done at once."""
