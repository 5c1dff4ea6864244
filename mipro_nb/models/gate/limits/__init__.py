"""What a gate lets through at all: the permission given, and caps that are hard."""
