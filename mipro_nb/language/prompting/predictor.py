"""What the rest of a program, an optimizer and a saved file need of a predictor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextvars import Context

    from mipro_nb.language.lms.lm_protocol import LanguageModel, LMRequest, Message
    from mipro_nb.language.rows.example import Example
    from mipro_nb.language.signatures.signature import SignatureMeta


class Predictor(Protocol):
    """A predictor: a signature with its demos, an LM, and the run that uses it just now.

    Attributes
    ----------
    signature
        Fields and instruction.
    demos : list of Example
        Solved examples shown to the LM.
    lm
        LM of this predictor alone; the configured one if None.
    prompt_format
        Its own prompt format; None if it has none.
    rollout
        Calls that are equal but for their rollout are answered again, not from the cache.
    options
        Settings of the LM for this predictor's calls.
    scope
        What its calls belong to while a run uses this copy of the program; None otherwise.
    bound_name
        Its name in that copy; None otherwise.
    """

    signature: SignatureMeta
    demos: list[Example]
    lm: LanguageModel | None
    prompt_format: str | None
    rollout: int
    options: dict[str, Any]
    scope: Context | None
    bound_name: str | None

    @property
    def writes_own_prompt(self) -> bool:
        """Whether its prompt is written elsewhere, and asks for outputs in its own words."""
        ...

    @property
    def plan_notes(self) -> Sequence[str]:
        """What the plan of a run has to say about it."""
        ...

    def reset(self) -> None:
        """Forget demos and LM; the signature and the prompt format stay."""
        ...

    def deepcopy(self) -> Self:
        """Return an independent copy that shares the LM."""
        ...

    def messages(self, inputs: Mapping[str, Any], lm: LanguageModel | None = None) -> list[Message]:
        """Return the messages that a call with `inputs` sends, without sending them."""
        ...

    def request(self, inputs: Mapping[str, Any], lm: LanguageModel | None = None) -> LMRequest:
        """Return what a call with `inputs` asks `lm` for, without asking it."""
        ...

    def write_answer(self, outputs: Mapping[str, Any], lm: LanguageModel | None = None) -> str:
        """Return a reply of `lm` that has these outputs, as it is asked for."""
        ...

    def format_with(self, lm: LanguageModel | None) -> str:
        """Return the name of the format in which `lm` is asked for the outputs."""
        ...
