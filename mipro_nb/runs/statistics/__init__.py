"""What scores are worth: intervals, models of scores, and agreement with ratings."""
