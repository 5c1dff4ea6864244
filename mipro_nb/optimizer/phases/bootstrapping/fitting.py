"""Fitting: demo sets that leave a prompt room in the model's context.

How long a context is may be known before the run; if not, the first attempt of bootstrapping finds
it out, where its prompt is so long that it may not fit. Tokens are counted by ourselves, so a
context counts for less than it holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mipro_nb.language.lms.lm_protocol import LanguageModel
from mipro_nb.language.prompting.predictor import Predictor
from mipro_nb.language.rows.example import Example
from mipro_nb.models.lm import as_counted
from mipro_nb.models.tokens import count_message_tokens, count_tokens

# Prompts of so few tokens fit any model's context, however wrong the count is.
SURELY_FIT = 1500
_COUNTING = 0.8
_LEAST_REPLY = 64


def known_room(lm: LanguageModel) -> int | None:
    """Return how many tokens of a prompt surely fit the context of `lm`, None if nobody knows."""
    context = as_counted(lm).context_tokens
    return None if context is None else int(context * _COUNTING)


class Fitting:
    """Which demos fit into the prompts of one predictor.

    Parameters
    ----------
    predictor
        The predictor, with its instruction.
    rows
        The training rows: their inputs show how long questions are.
    lm
        The LM that it is for.
    """

    def __init__(self, predictor: Predictor, rows: Sequence[Example], lm: LanguageModel) -> None:
        self._asking, self._lm = predictor.deepcopy(), lm
        self._signature = predictor.signature
        self._empty = self._prompt([])
        # Inner predictors have no rows to look at.
        inputs = self._signature.input_fields
        whole = (row for row in rows if all(name in row for name in inputs))
        self._question = max((self._told(row, inputs) for row in whole), default=None)

    def longest(self, demos: Sequence[Example]) -> int:
        """Return about how many tokens the longest prompt with `demos` takes, with its reply."""
        return self._around(demos) + sum(map(self._tokens, demos))

    def fitting(self, demos: Sequence[Example], room: int) -> list[Example]:
        """Return those of `demos`, in their order, that fit where there is so much room."""
        left = room - self._around(demos)
        kept = []
        for demo in demos:
            taken = self._tokens(demo)
            if taken <= left:
                kept.append(demo)
                left -= taken
        return kept

    def _around(self, demos: Sequence[Example]) -> int:
        """Return what a prompt takes beside demos: instruction, question and reply."""
        question = self._question
        if question is None:
            question = max(map(self._tokens, demos), default=0)
        replies = [self._told(demo, self._signature.output_fields) for demo in demos]
        return self._empty + question + max(_LEAST_REPLY, 2 * max(replies, default=0))

    def _tokens(self, demo: Example) -> int:
        return self._prompt([demo]) - self._empty

    def _prompt(self, demos: Sequence[Example]) -> int:
        self._asking.demos = list(demos)
        nothing = dict.fromkeys(self._signature.input_fields, "")
        return count_message_tokens(self._asking.messages(nothing, self._lm))

    def _told(self, row: Example, names: Iterable[str]) -> int:
        values = (row[name] for name in names if name in row)
        return sum(count_tokens(v if isinstance(v, str) else repr(v)) for v in values)
