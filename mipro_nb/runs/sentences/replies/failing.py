"""What to say of a configuration on which the program fails."""

from __future__ import annotations

from mipro_nb.errors import shown
from mipro_nb.runs.sentences.wording import counted


def failing_text(trial: int, failed: int, examples: int, first: str, max_errors: int) -> str:
    """Return what to say if more examples of a trial failed than ``max_errors`` allows.

    Parameters
    ----------
    trial
        Its number.
    failed, examples
        Examples that failed, and all of the trial.
    first
        Why the first of them failed.
    max_errors
        The limit.
    """
    return (
        f"Trial {trial} failed on {failed:,} of {counted(examples, 'example')}, which score 0: "
        f"{shown(first, 200)}. The student as given does not fail there, so the run goes on in "
        f"spite of max_errors={max_errors}; the errors of the other trials tell which of them fail "
        "as well. If the program may go on without an answer, have it return one instead of "
        "raising."
    )
