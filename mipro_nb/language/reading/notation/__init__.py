"""How models write a value down: fences, quotes, JSON and what is nearly JSON, lists."""
