"""Examples run on an executor's workers, while their LM calls are made here."""
