"""What a predictor needs of an LM, its options, and which LM it is."""
