"""The plan of a run: rows, settings, formats and estimate, checked before anything is sent."""
