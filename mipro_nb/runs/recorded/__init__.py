"""Runs of the record as a person has them: found, loaded, rated, compared, exported, imported."""
