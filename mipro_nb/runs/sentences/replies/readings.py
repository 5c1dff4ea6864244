"""What came of the replies of a run, and of calls that failed and were caught, in words."""

from __future__ import annotations

from mipro_nb.amounts import format_count
from mipro_nb.runs.sentences.wording import counted
from mipro_nb.runs.state import RunState

_FORM_REMEDY = (
    "another prompt_format= may suit the model better (for a program of DSPy's, another adapter), "
    "and so may demos, or an instruction that describes the form"
)


def reading_notes(state: RunState) -> list[str]:
    """Return how many examples got other replies than asked for, and how many got none at all."""
    notes = []
    if state.noted:
        notes.append(
            f"{_of_all(state, len(state.noted))} got replies in another form than asked for, which "
            f"were read all the same, or asked for again: {_notes_are(len(state.noted))} beside "
            f"the prediction. If they are many, {_FORM_REMEDY}."
        )
    if state.caught:
        notes.append(
            f"{_of_all(state, len(state.caught))} met failed LM calls whose errors the program or "
            "the metric caught, and the score is that of what it did then, such as asking another "
            f"LM: {_notes_are(len(state.caught))} beside the prediction. Let such errors through "
            "where nothing takes the place of the answer."
        )
    if state.unreadable:
        notes.append(
            f"{_of_all(state, len(state.unreadable))} got a reply that is unreadable, and failed: "
            "the calls of the example show it. A higher LM(max_tokens=…) helps where it was cut "
            f"off; {_FORM_REMEDY}."
        )
    return notes


def unreadable_text(unreadable: int, looked_at: int) -> str:
    """Return what to say while a run goes on if nearly no reply to the student can be read."""
    return (
        f"{format_count(unreadable)} of the first {counted(looked_at, 'example')} of the student "
        "got a reply that is unreadable, and score 0: the run would search among failures. The "
        f"calls of such an example show the reply: {_FORM_REMEDY}."
    )


def _of_all(state: RunState, number: int) -> str:
    return f"{counted(number, 'example')} of {state.answered:,}"


def _notes_are(number: int) -> str:
    return "a note is" if number == 1 else "notes are"
