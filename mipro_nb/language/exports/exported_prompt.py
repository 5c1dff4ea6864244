"""What is exported of a predictor: its messages with placeholders, and how they are sent."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mipro_nb.errors import InvalidArgumentError
from mipro_nb.language.lms.lm_protocol import WrittenCall
from mipro_nb.language.lms.settings import settings
from mipro_nb.language.templates.pieces import Piece, Placeholder, Turn, joined
from mipro_nb.language.templates.syntaxes import misread, written

if TYPE_CHECKING:
    from mipro_nb.language.lms.lm_protocol import LanguageModel, LMRequest
    from mipro_nb.language.prompting.predictor import Predictor

_USUAL_SYNTAX = "mustache"
# Its templates are Nunjucks, which has Jinja's marks.
PROMPTFOO = "jinja"


@dataclass(frozen=True)
class ExportedPrompt:
    """A predictor's prompt, ready to be written down.

    Attributes
    ----------
    declaration
        The signature in its inline form.
    inputs
        The names of the placeholders.
    as_json
        Those of them whose values are written as JSON unless they are text.
    turns
        The messages, demos among them.
    syntax
        In which its user writes placeholders.
    request
        A request with marks in place of inputs.
    lm
        The LM that it is for, None if there is none.
    """

    declaration: str
    inputs: tuple[str, ...]
    as_json: frozenset[str]
    turns: tuple[Turn, ...]
    syntax: str
    request: LMRequest
    lm: LanguageModel | None

    def messages(self, syntax: str) -> list[dict[str, str]]:
        """Return the messages with placeholders of that syntax.

        Raises
        ------
        InvalidArgumentError
            If a text among them would be read as a placeholder.
        """
        return [
            {
                "role": turn.role,
                **({"name": turn.name} if turn.name else {}),
                "content": written(turn.pieces, syntax),
            }
            for turn in self.turns
        ]

    def call(self) -> WrittenCall:
        """Return how the LM is called.

        Raises
        ------
        InvalidArgumentError
            If there is no LM, or other clients do not reach it.
        """
        if self.lm is None:
            raise InvalidArgumentError(
                "lm", None, "code names a model: give lm=LM('openai/…'), or configure(lm=…)."
            )
        call = self.written_call()
        if call is None:
            raise InvalidArgumentError(
                "lm",
                self.lm.name,
                "other clients do not reach it, as it is in this process or code of your own: give "
                "lm=LM('openai/…'), or export the \"messages\".",
            )
        return call

    def written_call(self) -> WrittenCall | None:
        """Return how the LM is called, None if there is none, or other clients do not reach it."""
        made = getattr(self.lm, "written_call", None)
        call = None if made is None else made(self.request)
        return call if isinstance(call, WrittenCall) else None


def left_out_of(call: WrittenCall | None) -> str:
    """Return what a call by other clients lacks of the LM's settings, as a sentence; "" if none."""
    if call is None or not call.left_out:
        return ""
    return f"Left out, as they may hold a key: {', '.join(call.left_out)}."


def prompt_of(predictor: Predictor, lm: LanguageModel | None) -> ExportedPrompt:
    """Return the prompt of `predictor` for `lm`, or for the LM that it uses itself."""
    lm = lm or predictor.lm or settings.lm
    fields = predictor.signature.input_fields
    inputs = tuple(fields)
    # A prompt of a user's own shows them as str does.
    typed = {name for name in inputs if fields[name].type is not str}
    # No text of anybody's holds it by chance.
    token = secrets.token_hex(16)
    request = predictor.request({name: f"{token}:{name}:" for name in inputs}, lm)
    mark = re.compile(rf"{token}:(\w+?):")
    turns = [
        Turn(
            message["role"],
            joined(_pieces(mark.split(message["content"]))),
            message.get("name", ""),
        )
        for message in request.messages
    ]
    return ExportedPrompt(
        predictor.signature.declaration,
        inputs,
        frozenset() if predictor.writes_own_prompt else frozenset(typed),
        tuple(turns),
        getattr(predictor, "syntax", _USUAL_SYNTAX),
        request,
        lm,
    )


def misread_in_exports(predictor: Predictor, instruction: str) -> str | None:
    """Return what of `instruction` an export would read as a placeholder; None if nothing.

    Demos, which are rows of the user's, are left out of account.
    """
    twin = predictor.deepcopy()
    twin.signature = twin.signature.with_instructions(instruction)
    twin.demos = []
    prompt = prompt_of(twin, None)
    found = (
        misread(turn.pieces, syntax)
        for syntax in dict.fromkeys((prompt.syntax, PROMPTFOO))
        for turn in prompt.turns
    )
    return next((each for each in found if each is not None), None)


def _pieces(parts: list[str]) -> list[Piece]:
    # Every second part is what the mark has in parentheses.
    return [Placeholder(part) if place % 2 else part for place, part in enumerate(parts)]
