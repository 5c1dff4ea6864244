"""The rehearsal: program and metric run on a few rows, with made-up answers and no LM call."""
