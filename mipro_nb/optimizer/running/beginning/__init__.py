"""From a specification to a run: new or resumed, beside runs that have its answers."""
