"""Runs for other tools: data frames, figures, MLflow, Optuna."""
