"""Prompts as the optimizer sees predictors."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import Context
from typing import TYPE_CHECKING, Any

from mipro_nb.functions.executions import Observed
from mipro_nb.functions.prompts.prompt import FunctionPrompt
from mipro_nb.functions.turns import reply_of, turns_of
from mipro_nb.language.lms.lm_protocol import LMRequest
from mipro_nb.language.rows.example import Example

if TYPE_CHECKING:
    from mipro_nb.language.lms.lm_protocol import LanguageModel, Message
    from mipro_nb.language.signatures.signature import SignatureMeta


class FunctionPredictor:
    """What a program holds of a prompt: see `mipro_nb.language.prompting.predictor.Predictor`.

    Parameters
    ----------
    prompt
        The prompt.
    signature
        Inputs of the function, outputs of the prompt, and the text.
    demos
        The demos that are shown.
    observed
        What was seen of the function.
    attached
        Whether it is the prompt itself that is read and set, as in a program that its user holds;
        in a run's copies it is not.
    """

    prompt_format: str | None = None
    rollout = 0
    writes_own_prompt = True
    plan_notes: tuple[str, ...] = ()

    def __init__(
        self,
        prompt: FunctionPrompt,
        signature: SignatureMeta,
        demos: list[Example],
        observed: Observed,
        *,
        attached: bool,
    ) -> None:
        self.prompt, self.name = prompt, prompt.name
        self._signature, self._demos = signature, demos
        self.observed, self._attached = observed, attached
        self.lm: LanguageModel | None = None
        self.options: dict[str, Any] = {}
        self.scope: Context | None = None
        self.bound_name: str | None = None

    @property
    def signature(self) -> SignatureMeta:
        """Fields and text."""
        if self._attached and self._signature.instructions != self.prompt.own_text:
            self._signature = self._signature.with_instructions(self.prompt.own_text)
        return self._signature

    @signature.setter
    def signature(self, signature: SignatureMeta) -> None:
        self._signature = signature
        if self._attached:
            self.prompt.take(signature.instructions)

    @property
    def demos(self) -> list[Example]:
        """Solved examples shown to the LM."""
        return self.prompt.own_demos if self._attached else self._demos

    @demos.setter
    def demos(self, demos: list[Example]) -> None:
        self._demos = demos
        if self._attached:
            self.prompt.take(demos=self.demos_with_turns(demos))

    def demos_with_turns(self, demos: list[Example]) -> list[Example]:
        """Return demos as a prompt keeps them, each with the turns that it is shown as."""
        return [demo.copy(turns=self._turns(demo)) for demo in demos]

    def _turns(self, demo: Example) -> list[Message]:
        return turns_of(demo, self.signature, self.observed.wordings.get(self.name))

    def adopt(self, signature: SignatureMeta) -> None:
        """Have the fields of `signature`, and leave the text as it is."""
        self._signature = signature.with_instructions(self.signature.instructions)

    def reset(self) -> None:
        """Forget the demos; the signature stays."""
        self.demos = []

    def deepcopy(self) -> FunctionPredictor:
        """Return an independent copy, which leaves the prompt as it is."""
        return self.detached(self.signature, self.observed)

    def detached(self, signature: SignatureMeta, observed: Observed) -> FunctionPredictor:
        """Return a copy of other fields that leaves the prompt as it is."""
        return FunctionPredictor(self.prompt, signature, list(self.demos), observed, attached=False)

    def messages(self, inputs: Mapping[str, Any], lm: LanguageModel | None = None) -> list[Message]:
        """Return about the messages that a call with `inputs` sends, without sending them."""
        del lm
        question, _ = self._turns(Example(dict(inputs)))
        demos = [turn for demo in self.demos for turn in self._turns(demo)]
        return [{"role": "system", "content": self.signature.instructions}, *demos, question]

    def request(self, inputs: Mapping[str, Any], lm: LanguageModel | None = None) -> LMRequest:
        """Return what a call with `inputs` asks `lm` for, without asking it."""
        return LMRequest(self.messages(inputs, lm), self.options, signature=self.signature)

    def write_answer(self, outputs: Mapping[str, Any], lm: LanguageModel | None = None) -> str:
        """Return a reply that has these outputs."""
        del lm
        wording = self.observed.wordings.get(self.name)
        named = {n: outputs[n] for n in self.signature.output_fields if n in outputs}
        return reply_of(named, as_json=wording is not None and wording.as_json)

    def format_with(self, lm: LanguageModel | None) -> str:
        """Return who writes the messages."""
        del lm
        return "function"

    def __repr__(self) -> str:
        return f"FunctionPrompt({self._signature.declaration!r}, name={self.name!r})"
