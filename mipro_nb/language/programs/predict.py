"""Predictors: a signature, its demos, and the call that turns inputs into outputs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NoReturn

from mipro_nb.arguments import only_known
from mipro_nb.core_loop import core
from mipro_nb.errors import (
    InvalidArgumentError,
    LMNotConfiguredError,
    ReplyError,
    TruncatedReplyError,
    Unquoted,
)
from mipro_nb.language.execution.recent_calls import RecentCall, remember
from mipro_nb.language.execution.scope import lost
from mipro_nb.language.execution.scored_row import demos_beside
from mipro_nb.language.execution.tracing import Step, add_notes, add_step
from mipro_nb.language.formats import FORMATS, check_fits, check_format, labels_of
from mipro_nb.language.lms.gateway import complete
from mipro_nb.language.lms.lm_protocol import (
    Completion,
    LanguageModel,
    LMRequest,
    Message,
    check_lm,
)
from mipro_nb.language.lms.options import check_options, told_of_option
from mipro_nb.language.lms.settings import settings
from mipro_nb.language.programs.module import Module
from mipro_nb.language.prompting.prompt import format_for, write_messages, write_retry
from mipro_nb.language.prompting.reply import Reading, read_reply, reply_schema
from mipro_nb.language.reading.parts.thoughts import told_apart
from mipro_nb.language.rows.example import Example, Prediction
from mipro_nb.language.rows.plain import plain
from mipro_nb.language.signatures.fields import NO_DEFAULT
from mipro_nb.language.signatures.signature import SignatureMeta, ensure_signature, make_signature

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from contextvars import Context

_REASONING = "your thoughts, step by step, before the answer"


class Predict(Module):
    """Asks the LM for the outputs of a signature.

    Parameters
    ----------
    signature
        ``"question -> answer"`` or a Signature class.
    rollout
        Calls that are equal but for their rollout are answered again, not from the cache.
    prompt_format
        ``"lines"``, ``"tags"``, ``"json"`` or, for one output, ``"value"``: how outputs are asked
        for, whatever the LM or `configure` says; None to leave it to these.
    **options
        Settings of the LM for this predictor's calls, such as ``temperature`` or ``max_tokens``.

    Attributes
    ----------
    signature
        Fields and instruction.
    demos : list of Example
        Solved examples shown to the LM.
    lm
        LM of this predictor alone; the configured one if None.
    prompt_format
        Its own prompt format, also as an optimization or a loaded program left it; None if it has
        none.
    scope
        What its calls belong to while a run uses this copy of the program; None otherwise.
    bound_name
        Its name in that copy; None otherwise.

    Examples
    --------
    >>> multiply = Predict("question -> answer: int")
    >>> multiply(question="What is 6 times 7?").answer
    42
    >>> multiply.demos = [Example(question="What is 2 times 2?", answer=4)]
    """

    is_predictor = True
    writes_own_prompt = False

    @only_known(told_of_option, first="instructions")
    def __init__(
        self,
        signature: str | SignatureMeta,
        *,
        rollout: int = 0,
        prompt_format: str | None = None,
        **options: Any,
    ) -> None:
        check_options(options)
        self.signature = ensure_signature(signature)
        self.prompt_format = check_format(prompt_format)
        if self.prompt_format is not None:
            check_fits(self.prompt_format, self.signature)
        self.demos: list[Example] = []
        self.lm: LanguageModel | None = None
        self.rollout = rollout
        self.options = options
        self.scope: Context | None = None
        self.bound_name: str | None = None

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute. Anything but an LM is refused as `lm` here, not at the first call."""
        if name == "lm":
            check_lm(name, value)
        super().__setattr__(name, value)

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled: what it is, without the run that uses it just now.

        The signature goes as what it is made of, so that its class need not be found again.
        """
        signature = self.signature
        made_of = (signature.__name__, signature.fields, signature.instructions)
        return {**super().__getstate__(), "signature": made_of, "scope": None, "bound_name": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(
            {"prompt_format": None, **state, "signature": make_signature(*state["signature"])}
        )

    def reset(self) -> None:
        """Forget demos and LM; the signature and the prompt format stay."""
        self.demos = []
        self.lm = None

    # Each goes on by its name in this class: a subclass's own forward and aforward may call both.

    def forward(self, *args: Any, **inputs: Any) -> Prediction:
        """Return the prediction for `inputs`, blocking until it is there; see `aforward`."""
        if self.scope is not None and lost():
            return self.scope.copy().run(Predict.forward, self, *args, **inputs)
        return core().wait_for(Predict.aforward(self, *args, **inputs))

    async def aforward(self, *args: Any, **inputs: Any) -> Prediction:
        """Await the prediction for `inputs`, given by name.

        A reply that lacks a field, holds one of the wrong type, or is not an answer (a refusal, a
        call of a tool) is asked for once more with the reason.

        Raises
        ------
        InvalidArgumentError
            If an input is missing or unknown, before any call.
        ReplyError
            If the second reply cannot be used either, or the first was cut off.
        LMError
            If the call fails.
        """
        if self.scope is not None and lost():
            scope = self.scope.copy()
            work = Predict.aforward(self, *args, **inputs)
            return await asyncio.create_task(work, context=scope)
        self._refuse_positional(args)
        inputs = self._with_defaults(inputs)
        self._check_inputs(inputs)
        inputs = plain(inputs)
        lm = settings.stand_in or self.lm or settings.lm
        if lm is None:
            msg = "No LM is configured: call configure(lm=LM('openai/gpt-4o-mini')) or LM.local()."
            raise LMNotConfiguredError(msg)
        prompt_format = self.format_with(lm)
        messages = self._messages(inputs, prompt_format)
        try:
            reading = await self._ask(lm, messages, prompt_format)
        except TruncatedReplyError:
            raise
        except ReplyError as error:
            answer = told_apart(error.raw_text, self.signature.output_fields).answer.strip()
            messages = write_retry(messages, answer, error.problem)
            reading = await self._ask(lm, messages, prompt_format)
            add_notes([f"The reply was asked for again: {error.problem}"])
        add_notes(reading.notes)
        prediction = Prediction(reading.values)
        add_step(Step(self, inputs, prediction))
        return prediction

    def messages(self, inputs: Mapping[str, Any], lm: LanguageModel | None = None) -> list[Message]:
        """Return the messages that a call with `inputs` sends, without sending them."""
        return self._messages(inputs, self.format_with(lm or self.lm or settings.lm))

    def request(self, inputs: Mapping[str, Any], lm: LanguageModel | None = None) -> LMRequest:
        """Return what a call with `inputs` asks `lm` for, without asking it."""
        asked = lm or self.lm or settings.lm
        prompt_format = self.format_with(asked)
        return self._request(asked, self._messages(inputs, prompt_format), prompt_format)

    def write_answer(self, outputs: Mapping[str, Any], lm: LanguageModel | None = None) -> str:
        """Return a reply of `lm` that has these outputs, as it is asked for."""
        return FORMATS[self.format_with(lm)].write_answer(self.signature, outputs)

    def format_with(self, lm: LanguageModel | None) -> str:
        """Return the name of the format in which `lm` is asked for the outputs.

        Raises
        ------
        InvalidArgumentError
            If the chosen format does not exist, or the outputs do not fit it.
        """
        # What answers in a rehearsal stands for the LM of the run, not for one of the predictor's.
        asked = self.lm if lm is settings.stand_in and self.lm is not None else lm
        return format_for(self.signature, asked, self.prompt_format)

    def _messages(self, inputs: Mapping[str, Any], prompt_format: str) -> list[Message]:
        inputs = self._with_defaults(inputs)
        demos = [self._with_defaults(demo) for demo in self.demos]
        return write_messages(
            self.signature,
            demos_beside(plain(demos), inputs),
            inputs,
            prompt_format=prompt_format,
        )

    def _with_defaults(self, values: Mapping[str, Any] | Example) -> dict[str, Any]:
        """Return `values`, and the defaults of the inputs that they lack."""
        lacking = {
            name: field.default
            for name, field in self.signature.input_fields.items()
            if field.default is not NO_DEFAULT and name not in values
        }
        return {**lacking, **values} if lacking else dict(values)

    async def _ask(self, lm: LanguageModel, messages: list[Message], prompt_format: str) -> Reading:
        completion = await complete(lm, self._request(lm, messages, prompt_format))
        if lm is not settings.stand_in:
            remember(RecentCall(lm.name, messages, completion.text))
        if completion.problem:
            raise ReplyError(completion.problem, completion.text, {})
        return self._read(completion, prompt_format)

    def _request(
        self, lm: LanguageModel | None, messages: list[Message], prompt_format: str
    ) -> LMRequest:
        by_schema = prompt_format == "json" and lm is not None and lm.structured_outputs
        return LMRequest(
            messages,
            self.options,
            schema=reply_schema(self.signature) if by_schema else None,
            labels=labels_of(self.signature) if prompt_format == "value" else (),
            prompt_format=prompt_format,
            rollout=self.rollout,
            signature=self.signature,
            predictor=self.bound_name,
        )

    def _read(self, completion: Completion, prompt_format: str) -> Reading:
        return read_reply(
            self.signature,
            completion.text,
            truncated=completion.truncated,
            prompt_format=prompt_format,
        )

    def _refuse_positional(self, args: tuple[Any, ...]) -> None:
        if args:
            names = ", ".join(f"{name}=…" for name in self.signature.input_fields)
            raise InvalidArgumentError("inputs", args, f"give inputs by name: ({names}).")

    def _check_inputs(self, inputs: Mapping[str, Any]) -> None:
        wanted = self.signature.input_fields
        missing = [name for name in wanted if name not in inputs]
        unknown = [name for name in inputs if name not in wanted]
        if missing or unknown:
            _refuse_inputs(self.signature, inputs, missing, unknown)
        for name, field in wanted.items():
            try:
                field.checked(inputs[name])
            except ValueError as error:
                raise InvalidArgumentError(name, inputs[name], f"{error}.") from None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.signature.declaration!r}, {len(self.demos)} demos)"


def _refuse_inputs(
    signature: SignatureMeta, given: Collection[str], missing: list[str], unknown: list[str]
) -> NoReturn:
    said = [f"{', '.join(missing)} missing"] if missing else []
    said += [f"{', '.join(unknown)} unknown"] if unknown else []
    raise InvalidArgumentError(
        "inputs",
        Unquoted(f"({', '.join(given)})"),
        f"{'; '.join(said)}: the inputs of {signature.declaration!r} are "
        f"{', '.join(signature.input_fields)}.",
    )


class ChainOfThought(Module):
    """Asks the LM to reason before it answers: the signature gets an output ``reasoning`` first.

    Parameters are those of `Predict`, which it keeps as ``predict``. A signature that has an output
    ``reasoning`` of its own keeps it, as the first one.

    Examples
    --------
    >>> prediction = ChainOfThought("question -> answer")(question="What is 6 times 7?")
    >>> list(prediction.keys())
    ['reasoning', 'answer']
    """

    @only_known(told_of_option, first="instructions")
    def __init__(
        self,
        signature: str | SignatureMeta,
        *,
        rollout: int = 0,
        prompt_format: str | None = None,
        **options: Any,
    ) -> None:
        extended = ensure_signature(signature).prepend_output("reasoning", desc=_REASONING)
        self.predict = Predict(extended, rollout=rollout, prompt_format=prompt_format, **options)

    def forward(self, *args: Any, **inputs: Any) -> Prediction:
        """Return the prediction, with its ``reasoning``."""
        got: Prediction = self.predict(*args, **inputs)
        return got

    async def aforward(self, *args: Any, **inputs: Any) -> Prediction:
        """Await the prediction, with its ``reasoning``."""
        got: Prediction = await self.predict.acall(*args, **inputs)
        return got
