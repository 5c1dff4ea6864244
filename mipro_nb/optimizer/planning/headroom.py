"""What a plan says of headroom: how it is measured, and by which settings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from mipro_nb.runs.sentences.wording import counted

# Of all that steers a run: what its proposals, its labelled demos and every call depend on.
SETTINGS = (
    "max_labeled_demos",
    "num_threads",
    "max_errors",
    "init_temperature",
    "seed",
    "view_data_batch_size",
    "program_aware_proposer",
    "data_aware_proposer",
    "tip_aware_proposer",
    "must_keep",
    "max_instruction_tokens",
    "max_copied_words",
    "smallest_edit",
    "hedge",
    "example_timeout",
    "prompt_format",
)


@dataclass(frozen=True)
class PlannedHeadroom:
    """How headroom is measured.

    Attributes
    ----------
    rows
        How many training rows are asked. They stand where a run has its valset.
    repeats
        How often each is asked of each prompt.
    prompts
        How many prompts there are, the student's own among them.
    valset_size
        Rows of the valset that a run with the same arguments would have.
    """

    rows: int
    repeats: int
    prompts: int
    valset_size: int

    @property
    def draws(self) -> int:
        """Return how many answers are scored."""
        return self.rows * self.repeats * self.prompts

    def lines(self, labelled: int) -> Iterator[tuple[str, str]]:
        """Tell in words what is asked, each with what it is; prompts show so many demos."""
        others = self.prompts - 1 - (labelled > 0)
        demos = f", and up to {counted(labelled, 'labelled demo')}" if labelled else ""
        told = f"{counted(others, 'instruction')} by the prompt model{demos}"
        yield "prompts", f"{self.prompts}: the student, {told}"
        rows = counted(self.rows, "training row")
        often = "once" if self.repeats == 1 else f"{self.repeats:,} times"
        why = ", since the LM's answers vary" if self.repeats > 1 else ""
        yield "asked", f"{rows}, each asked {often} of each prompt{why}"

    def to_dict(self) -> dict[str, int]:
        """Return what a record keeps of it."""
        return asdict(self)
