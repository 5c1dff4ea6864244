"""The phases of a run: formats, bootstrap, propose, trials; and how it ends."""
