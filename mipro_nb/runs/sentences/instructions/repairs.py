"""Repaired instructions, and what they come of, as every view shows it."""

from __future__ import annotations

from collections.abc import Sequence

from mipro_nb.runs import events as ev
from mipro_nb.runs.configuration import variable_of
from mipro_nb.runs.sentences.wording import counted
from mipro_nb.runs.state import RunState


def repaired_of(state: RunState) -> list[ev.CandidateProposed]:
    """Return the repaired instructions of a run."""
    return [
        candidate
        for candidates in state.candidates.values()
        for candidate in candidates.values()
        if candidate.source == "repaired"
    ]


def lineage_text(source: str, based_on: int | None, evidence: Sequence[int]) -> str:
    """Return what an instruction comes of, in words; "" if of nothing that came before."""
    if based_on is None:
        return ""
    if source != "repaired":
        return f"edited from instruction {based_on}"
    rows = ", ".join(map(str, evidence))
    return f"repaired from instruction {based_on}, by training rows {rows}"


def repair_lines(state: RunState) -> list[str]:
    """Return lines of a report on the repairs of a run; none where there were none."""
    repaired = repaired_of(state)
    if not repaired:
        return []
    lines = [f"{counted(len(repaired), 'repaired instruction')} joined the search"]
    configuration = {} if state.best is None else state.best.configuration
    lines += [
        f"{each.predictor}: instruction {each.index} is "
        f"{lineage_text(each.source, each.based_on, each.evidence)}"
        for each in repaired
        if configuration.get(variable_of(each.predictor, "instruction")) == each.index
    ]
    return lines
