"""Constraints on instructions: what a person demands of whatever is proposed, repaired or added."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property

from mipro_nb.errors import InvalidArgumentError, shown
from mipro_nb.language.exports.exported_prompt import misread_in_exports
from mipro_nb.language.programs.module import Module
from mipro_nb.language.programs.predict import Predict
from mipro_nb.language.prompting.predictor import Predictor
from mipro_nb.language.rows.example import Example
from mipro_nb.models.tokens import count_tokens
from mipro_nb.optimizer.planning.settings.requested import Hyperparameters
from mipro_nb.optimizer.search.configuration import LONGEST_INSTRUCTION
from mipro_nb.runs.sentences.wording import counted
from mipro_nb.runs.sentences.words import as_text, words_of

# Of the words of the instruction that it comes of, the smallest edit keeps at least so many.
_LEAST_KEPT = 0.5
_CONSTRAINTS = ("must_keep", "max_instruction_tokens", "max_copied_words", "smallest_edit")
_LONGEST_SHOWN = 120


@dataclass(frozen=True)
class Constraints:
    """What instructions have to comply with.

    Parameters
    ----------
    settings
        The plan's, or those that were requested.
    rows
        Of the trainset: nothing of them is to be copied.
    student
        Whose instructions they are: no place is left in them for the values of its inputs.
    """

    settings: Hyperparameters
    rows: Sequence[Example]
    student: Module

    def check_student(self) -> None:
        """Return if the student's instructions allow to comply with them.

        Raises
        ------
        InvalidArgumentError
            If none of them has a text that is to be kept; or half of one, which the smallest edit
            keeps, is longer than any may be.
        """
        instructions = [predictor.signature.instructions for predictor in self._predictors]
        for text in self.settings.must_keep:
            if not any(_plain(text) in _plain(each) for each in instructions):
                raise InvalidArgumentError(
                    "must_keep",
                    text,
                    "none of the student's instructions contains it, so there is nothing to keep: "
                    "put it into the instruction, or leave it out here.",
                )
        most = self.settings.max_instruction_tokens
        for each in instructions if self.settings.smallest_edit and most is not None else ():
            if (least := int(_LEAST_KEPT * count_tokens(each))) > (most or 0):
                raise InvalidArgumentError(
                    "max_instruction_tokens",
                    most,
                    "smallest_edit=True keeps half of the student's instruction, which is about "
                    f"{least:,} tokens: give at least {least:,}, or smallest_edit=False.",
                )

    def requirements(self, own: str) -> str:
        """Return in words what an instruction has to comply with that comes of `own`; "" if none.

        The prompt model reads it.
        """
        settings, told = self.settings, []
        told += [f"Keep this text word for word: {text}" for text in self._kept(own)]
        if settings.max_instruction_tokens is not None:
            words = max(1, settings.max_instruction_tokens * 3 // 4)
            told.append(f"Write at most {counted(words, 'word')}.")
        if settings.max_copied_words is not None:
            told.append("Do not copy from the examples.")
        if settings.smallest_edit:
            told.append("Change as few words of the present instruction as possible.")
        return "\n".join(told)

    def broken(
        self, predictor: str, text: str, own: str, *, by_hand: bool = False
    ) -> tuple[str, ...]:
        """Return why an instruction does not comply, each in words; nothing if it does.

        Parameters
        ----------
        predictor
            Whose it would be.
        text
            The instruction.
        own
            What it comes of: the student's instruction, or the one that was repaired.
        by_hand
            Whether a person wrote it: how much of the old one is kept is up to them.
        """
        settings = self.settings
        reasons = [
            f"it has the placeholder {found}, and an instruction is sent as it stands: the inputs "
            "are shown beside it"
            for found in self._placeholders(text)
            if found not in own
        ] or self._misread(predictor, text)
        reasons += [
            f"it lacks the text {shown(repr(kept), _LONGEST_SHOWN)}"
            for kept in self._kept(own)
            if _plain(kept) not in _plain(text)
        ]
        tokens, most = count_tokens(text), settings.max_instruction_tokens
        if most is not None and tokens > most:
            reasons.append(f"it has about {tokens:,} tokens, and {most:,} are allowed")
        if (copied := self._copied(text, own)) is not None:
            reasons.append(
                f"it copies more than {counted(settings.max_copied_words or 0, 'word')} of a "
                f"training row: {shown(repr(copied), _LONGEST_SHOWN)}"
            )
        if (
            settings.smallest_edit
            and not by_hand
            and (share := _kept_share(own, text)) < (_LEAST_KEPT)
        ):
            reasons.append(
                f"it keeps {share:.0%} of the words of the instruction that it comes of, and half "
                "of them should stay"
            )
        return tuple(reasons)

    def _kept(self, own: str) -> list[str]:
        """Return what is to be kept of an instruction: what it holds."""
        return [text for text in self.settings.must_keep if _plain(text) in _plain(own)]

    def _placeholders(self, text: str) -> list[str]:
        r"""Return the places that a template would have for the inputs, each once.

        A brace behind a letter or a brace opens no such place: ``\frac{a}{b}``.
        """
        inputs = {name for each in self._predictors for name in each.signature.input_fields}
        names = "|".join(map(re.escape, sorted(inputs)))
        found = re.finditer(rf"\{{\{{\s*(?:{names})\s*\}}\}}|(?<![\w}}])\{{(?:{names})\}}", text)
        return list(dict.fromkeys(each[0] for each in found))

    def _misread(self, name: str, text: str) -> list[str]:
        """Return why the program could not be exported with an instruction; nothing if it could.

        What it was that way before is not the instruction's fault.
        """
        predictor = dict(self.student.named_predictors())[name]
        if not isinstance(predictor, Predict):  # programs of others have no exports
            return []
        try:
            own = misread_in_exports(predictor, predictor.signature.instructions)
            found = misread_in_exports(predictor, text)
        except Exception:  # noqa: BLE001 - a format of the user's, for inputs that are not texts
            return []
        if found is None or own is not None:
            return []
        reason = f"it has {found}, which templates take for a placeholder"
        return [f"{reason}, so that the prompt could not be exported"]

    def _copied(self, text: str, own: str) -> str | None:
        """Return words in a row that a training row has as well; None if they are few enough.

        What the instruction had before is not a copy, nor what it is to keep.
        """
        most = self.settings.max_copied_words
        if most is None:
            return None
        allowed = {run for had in (own, *self.settings.must_keep) for run in _runs(had, most + 1)}
        found = (run for run in _runs(text, most + 1) if run in self._runs_of_rows)
        copied = next((run for run in found if run not in allowed), None)
        return None if copied is None else as_text(copied)

    @property
    def _predictors(self) -> list[Predictor]:
        return [predictor for _, predictor in self.student.named_predictors()]

    @cached_property
    def _runs_of_rows(self) -> frozenset[tuple[str, ...]]:
        length = (self.settings.max_copied_words or 0) + 1
        return frozenset(
            run
            for row in self.rows
            for value in row.to_dict().values()
            for run in _runs(str(value), length)
        )


def constraints_of(settings: Hyperparameters) -> list[str]:
    """Return the names of the constraints that are set: what instructions have to comply with."""
    return [name for name in _CONSTRAINTS if getattr(settings, name)]


def check_constraints(settings: Hyperparameters) -> None:
    """Return if constraints do not contradict each other.

    Raises
    ------
    InvalidArgumentError
        If they do, or a text that is to be kept is empty.
    """
    kept = settings.must_keep
    for text in kept:
        if not text.strip():
            raise InvalidArgumentError("must_keep", kept, "a text is empty: leave it out.")
    if sum(map(len, kept)) > LONGEST_INSTRUCTION:
        raise InvalidArgumentError(
            "must_keep",
            shown(repr(kept), _LONGEST_SHOWN),
            f"no instruction is longer than {LONGEST_INSTRUCTION:,} characters: keep less.",
        )
    tokens, most = count_tokens("\n".join(kept)), settings.max_instruction_tokens
    if kept and most is not None and tokens > most:
        raise InvalidArgumentError(
            "max_instruction_tokens",
            most,
            f"the texts of must_keep alone have about {tokens:,} tokens: give more, or keep less.",
        )


def constraints_text(settings: Hyperparameters) -> str:
    """Return constraints in words, for a plan; "" if there are none."""
    told = []
    if kept := settings.must_keep:
        told.append(f"keep {counted(len(kept), 'text')}")
    if settings.max_instruction_tokens is not None:
        told.append(f"at most {counted(settings.max_instruction_tokens, 'token')}")
    if settings.max_copied_words is not None:
        words = counted(settings.max_copied_words, "word")
        told.append(f"copy at most {words} in a row from a training row")
    if settings.smallest_edit:
        told.append("smallest edit")
    return "; ".join(told)


def _plain(text: str) -> str:
    return " ".join(text.split())


def _runs(text: str, length: int) -> Iterable[tuple[str, ...]]:
    words = words_of(text)
    return (tuple(words[at : at + length]) for at in range(len(words) - length + 1))


def _kept_share(before: str, after: str) -> float:
    """Return which share of the words is still there, in their order."""
    old, new = words_of(before), words_of(after)
    if not old:
        return 1.0
    blocks = SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks) / len(old)
