"""DSPy's predictors, as the optimizer sees predictors: each is set through one of ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextvars import Context
from typing import TYPE_CHECKING, Any

import dspy

from mipro_nb.dspy.copying import copied
from mipro_nb.dspy.instructions import taken_apart
from mipro_nb.dspy.lm_calls.callers import register
from mipro_nb.dspy.lm_calls.lm import DSPyLM
from mipro_nb.dspy.lm_calls.rehearsed import adapter_in_force, written_reply
from mipro_nb.dspy.signatures import own_signature
from mipro_nb.language.lms.lm_protocol import LMRequest
from mipro_nb.language.rows.example import Example
from mipro_nb.models.media import unwrapped, wrapped

if TYPE_CHECKING:
    from mipro_nb.language.lms.lm_protocol import LanguageModel, Message
    from mipro_nb.language.signatures.signature import SignatureMeta


class DSPyPredictor:
    """One ``dspy.Predict`` of a program: see `mipro_nb.language.prompting.predictor.Predictor`.

    Parameters
    ----------
    inner
        The predictor of DSPy's.
    signature
        Its signature as ours, where that is known: copies of a program share it.

    Attributes
    ----------
    inner
        The predictor of DSPy's.
    made_instruction
        The part of its instruction that its module has made; it stays as it is.
    """

    prompt_format: str | None = None
    rollout = 0
    writes_own_prompt = True
    plan_notes: Sequence[str] = ()

    def __init__(self, inner: Any, signature: SignatureMeta | None = None) -> None:
        self.inner = inner
        self._instruction = taken_apart(inner.signature)
        if signature is None:
            signature = own_signature(inner.signature)
            if self._instruction.made and self._instruction.own:
                signature = signature.with_instructions(self._instruction.own)
        self._signature = signature
        self._lm: LanguageModel | None = None
        self.options: dict[str, Any] = dict(inner.config)
        self.scope: Context | None = None
        self.bound_name: str | None = None
        register(self)

    @property
    def made_instruction(self) -> str:
        """The part of its instruction that its module has made; it stays as it is."""
        return self._instruction.made

    @property
    def signature(self) -> SignatureMeta:
        """Fields and instruction; to set it changes the instruction alone."""
        return self._signature

    @signature.setter
    def signature(self, signature: SignatureMeta) -> None:
        if signature.instructions != self._signature.instructions:
            whole = self._instruction.with_own(signature.instructions)
            self.inner.signature = self.inner.signature.with_instructions(whole)
            self._signature = signature

    @property
    def demos(self) -> list[Example]:
        """Solved examples shown to the LM."""
        return [Example(wrapped(dict(demo.items()))) for demo in self.inner.demos]

    @demos.setter
    def demos(self, demos: list[Example]) -> None:
        self.inner.demos = [dspy.Example(unwrapped(demo.to_dict())) for demo in demos]

    @property
    def lm(self) -> LanguageModel | None:
        """LM of this predictor alone; the configured one if None."""
        if self.inner.lm is None:
            return None
        if not isinstance(self._lm, DSPyLM) or self._lm.inner is not self.inner.lm:
            self._lm = DSPyLM(self.inner.lm)
        return self._lm

    @lm.setter
    def lm(self, lm: Any) -> None:
        self._lm, self.inner.lm = lm, getattr(lm, "inner", lm)

    def reset(self) -> None:
        """Forget demos and LM; the signature stays."""
        self.inner.reset()

    def deepcopy(self) -> DSPyPredictor:
        """Return an independent copy that shares the LM."""
        return DSPyPredictor(copied(self.inner), self._signature)

    def messages(self, inputs: Mapping[str, Any], lm: LanguageModel | None = None) -> list[Message]:
        """Return the messages that a call with `inputs` sends, without sending them."""
        del lm  # the adapter writes them, for whatever LM
        asked = self.inner
        try:
            made = adapter_in_force().format(asked.signature, asked.demos, unwrapped(inputs))
        except Exception:  # noqa: BLE001 - an adapter has its own ideas of values that were made up
            text = "\n".join(f"{name}: {value}" for name, value in inputs.items())
            made = [{"role": "user", "content": f"{self.inner.signature.instructions}\n{text}"}]
        return list(made)

    def request(self, inputs: Mapping[str, Any], lm: LanguageModel | None = None) -> LMRequest:
        """Return what a call with `inputs` asks `lm` for, without asking it."""
        return LMRequest(self.messages(inputs, lm), self.options, signature=self.signature)

    def write_answer(self, outputs: Mapping[str, Any], lm: LanguageModel | None = None) -> str:
        """Return a reply of `lm` that has these outputs, as it is asked for."""
        del lm
        return written_reply(self.inner.signature, outputs)

    def format_with(self, lm: LanguageModel | None) -> str:
        """Return the name of the adapter that asks for the outputs."""
        del lm
        return type(adapter_in_force()).__name__

    def __repr__(self) -> str:
        return f"{type(self.inner).__name__}({self._signature.declaration!r})"
