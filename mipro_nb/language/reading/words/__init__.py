"""Words that are values or turn one into another: labels, dates, yes and no, explanations."""
