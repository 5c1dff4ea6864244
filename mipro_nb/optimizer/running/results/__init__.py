"""What a run is used for afterwards: its programs, and tests on rows it has not seen."""
