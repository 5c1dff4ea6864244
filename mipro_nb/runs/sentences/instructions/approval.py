"""New instructions that a person decides about before they are tried, as every view tells it."""

from __future__ import annotations

from mipro_nb.amounts import format_count
from mipro_nb.runs.sentences.instructions.changes import changes
from mipro_nb.runs.sentences.wording import counted
from mipro_nb.runs.state import RunState

PAUSED_FOR_APPROVAL = (
    "New instructions wait for your decision. Approve, reject or edit each of them in the view, or "
    "by run.approve, run.ban and run.add_instruction; after the last one the run goes on by itself."
)
"""Why a run pauses that asks about its new instructions."""


def waiting_text(state: RunState) -> str | None:
    """Return how many new instructions wait for a decision; None where none does."""
    waiting = len(state.undecided)
    if not waiting or state.ended is not None:
        return None
    each = "each of them" if waiting > 1 else "it"
    waits = "wait" if waiting > 1 else "waits"
    return (
        f"{counted(waiting, 'new instruction')} {waits} for your decision: approve, reject or edit "
        f"{each}. None is tried before that."
    )


def went_on_text(waiting: int) -> str:
    """Return that nobody could be asked about so many instructions, and what that means."""
    tried = "they are all tried" if waiting > 1 else "it is tried"
    return (
        f"approve='proposals': nobody can be asked here about {counted(waiting, 'new instruction')}"
        f", so {tried}. In a notebook or a terminal you would be asked."
    )


def decided_text(state: RunState) -> str | None:
    """Return what a person has decided about new instructions; None where nobody was asked."""
    if state.planned is None or state.planned.plan.get("approve") is None:
        return None
    edited = {
        (predictor, candidate.based_on)
        for predictor, made in state.candidates.items()
        for candidate in made.values()
        if candidate.source == "user" and candidate.based_on is not None
    }
    told = {"approved": 0, "rejected": 0, "edited": 0}
    for choice in state.new_instructions:
        if choice in state.banned:
            is_edited = (choice.predictor, choice.index) in edited
            told["edited" if is_edited else "rejected"] += 1
        elif choice in state.decided and state.approved.get(choice) != "nobody":
            told["approved"] += 1
    if not any(told.values()):
        return None
    counts = [f"{format_count(number)} {what}" for what, number in told.items() if number]
    asked = counted(len(state.new_instructions), "new instruction")
    return f"Of {asked}, you have {', '.join(counts)}."


def changes_text(before: str, after: str) -> str:
    """Return what changed between two instructions, for a terminal: "Say [-a-]{+one+} word."."""
    marks = {"same": "{}", "removed": "[-{}-]", "added": "{{+{}+}}"}
    # Nothing in it that a terminal would obey.
    return "".join(
        marks[kind].format("".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in text))
        for kind, text in changes(before, after)
    )
