"""What is drawn from runs: the live view, the drill-down, the history, plots and tables."""
