"""Prompts that their users have: kept word for word, but for the part that is optimized."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import BaseModel

from mipro_nb.arguments import only_known
from mipro_nb.errors import InvalidArgumentError, shown
from mipro_nb.files import expanded
from mipro_nb.language.execution.scored_row import demos_beside
from mipro_nb.language.formats import FORMATS, labels_of
from mipro_nb.language.programs.predict import Predict
from mipro_nb.language.prompting.reply import Reading, read_whole_reply
from mipro_nb.language.reading.values import write_value
from mipro_nb.language.rows.plain import plain
from mipro_nb.language.signatures.fields import Field, FieldSpec, field_of
from mipro_nb.language.signatures.signature import (
    SignatureMeta,
    ensure_signature,
    make_signature,
)
from mipro_nb.language.templates.optimized import MARKS, chosen, marked, parts_of
from mipro_nb.language.templates.pieces import (
    OptimizedPart,
    Turn,
    filled,
    joined,
    placeholders_of,
    without_optimized_part,
)
from mipro_nb.language.templates.prompt_files import only_text, prompt_in
from mipro_nb.language.templates.syntaxes import check_syntax, parsed, syntax_of

if TYPE_CHECKING:
    from mipro_nb.language.lms.lm_protocol import (
        Completion,
        LanguageModel,
        LMRequest,
        Message,
    )
    from mipro_nb.language.rows.example import Example

WHOLE_REPLY = "whole reply"
_ROLES = ("system", "developer", "user", "assistant")
_KEYS = {"role", "content", "name"}
_ANY_INPUT = "inputs_of_the_prompt"
_NO_PLACE = (
    "Demos cannot be shown: they are turns before the user's last message with a placeholder, and "
    "the prompt has none. max_bootstrapped_demos=0 and max_labeled_demos=0 search instructions "
    "alone."
)
_WHOLE_DEMOS = (
    "The prompt has several outputs: rows that lack one of {outputs} are not shown as labelled "
    "demos."
)

Outputs = str | Mapping[str, Any] | type[BaseModel]


class ChatPrompt(Predict):
    """Asks the LM with a prompt that you have already, and lets one part of it be optimized.

    Everything outside that part is sent word for word: nothing is said about fields or the form of
    a reply. Demos are turns before the last user message that has a placeholder.

    Parameters
    ----------
    messages
        Messages with ``"role"`` and ``"content"``. Placeholders are the inputs: ``{question}`` or
        ``{{ question }}``; all other braces stay.
    outputs
        What the reply is: ``"answer"`` for a text, the whole reply without thoughts; with types as
        in a signature, such as ``"label: Literal['ham', 'spam']"``; names and types as a dict; or a
        pydantic model, whose fields are the outputs.
    optimize
        The role whose one message is optimized, such as "system". It need not be given where a
        part stands between ``{{# optimize}}`` and ``{{/ optimize}}``. With neither, it is the
        longest text of whole lines without placeholders in the system message, or else in the last
        user message; the plan says which.
    syntax
        "format" (Python's ``str.format``), "braces" (``{name}``, all other braces as they stand),
        "mustache" or "jinja" (``{{ name }}``); None to have it found. No logic is run.
    prompt_format
        The format that the prompt asks for in its own words, in which demos are written and replies
        are read. None is "json" for several outputs, and for one the whole reply.
    rollout, **options
        As in `Predict`.

    Raises
    ------
    InvalidArgumentError
        If a message cannot be read, or there is no placeholder, or nothing to optimize.
    SignatureError
        If a placeholder or an output has no valid name, or one name is that of both.

    Examples
    --------
    >>> prompt = ChatPrompt(
    ...     [
    ...         {"role": "system", "content": "Multiply. Say the number alone."},
    ...         {"role": "user", "content": "{question}"},
    ...     ],
    ...     outputs="answer: int",
    ... )
    >>> prompt.signature
    ChatPrompt('question -> answer: int', 'Multiply. Say the number alone.')
    >>> prompt(question="What is 6 times 7?").answer
    42
    """

    writes_own_prompt = True

    @only_known()
    def __init__(
        self,
        messages: Sequence[Mapping[str, str]],
        outputs: Outputs = "answer",
        *,
        optimize: str | None = None,
        syntax: str | None = None,
        prompt_format: str | None = None,
        rollout: int = 0,
        **options: Any,
    ) -> None:
        given = _checked(messages)
        texts = [content for _, content, _ in given]
        plain_texts = [MARKS.sub("", text) for text in texts]
        self.syntax = check_syntax(syntax) or syntax_of(plain_texts)
        turns = [Turn(role, _pieces(content, self.syntax), name) for role, content, name in given]
        inputs = placeholders_of(piece for turn in turns for piece in turn.pieces)
        if not inputs:
            raise InvalidArgumentError(
                "messages",
                shown(" … ".join(texts), 200),
                "there is no placeholder: write {question} or {{ question }} where an input goes.",
            )
        self.turns, self._guess = chosen(turns, _role(optimize))
        (part,) = (p for turn in self.turns for p in turn.pieces if isinstance(p, OptimizedPart))
        if prompt_format is None and _is_model(outputs):
            prompt_format = "json"
        self._own = part.text
        signature = _signature(inputs, outputs, part.text)
        super().__init__(signature, rollout=rollout, prompt_format=prompt_format, **options)

    @classmethod
    def from_template(
        cls, text: str, outputs: Outputs = "answer", *, role: str = "user", **settings: Any
    ) -> Self:
        """Return the prompt that is one message.

        Parameters
        ----------
        text
            Its text, with placeholders.
        outputs, **settings
            As in `ChatPrompt`.
        role
            Who says it.
        """
        return cls([{"role": role, "content": text}], outputs, **settings)

    @classmethod
    def from_file(
        cls,
        path: str | Path,
        outputs: Outputs = "answer",
        *,
        name: str | None = None,
        **settings: Any,
    ) -> Self:
        """Return the prompt in a file: a text, or one of another tool's.

        Parameters
        ----------
        path
            A text; promptfoo's YAML with ``prompts``; Langfuse's JSON with ``prompt``; MLflow's
            with ``template``; OpenAI's with ``messages`` or ``input_messages``, where
            ``{{ item.question }}`` is the input ``question``; or a list of messages. No code that
            a file names is run.
        outputs, **settings
            As in `ChatPrompt`.
        name
            Which one, where there are several: the label or the name that the file has for it.

        Raises
        ------
        InvalidArgumentError
            If the file cannot be read or has no prompt, or several and none is named.
        """
        found = prompt_in(expanded(path, "path"), name)
        return cls(found.messages, outputs, **{"syntax": found.syntax, **settings})

    @property
    def plan_notes(self) -> Sequence[str]:
        """What is optimized where nothing was marked, and which demos cannot be shown."""
        notes = [self._guess] if self._guess else []
        notes += [_NO_PLACE] if self._asking is None else []
        outputs = list(self.signature.output_fields)
        return notes + ([_WHOLE_DEMOS.format(outputs=", ".join(outputs))] if outputs[1:] else [])

    @property
    def source_text(self) -> str:
        """The messages, which tell what the program does."""
        names = {name: f"{{{name}}}" for name in self.signature.input_fields}
        said = [f"{turn.role}: {filled(turn.pieces, names, self._own)}" for turn in self.turns]
        return f"A prompt for {self.signature.declaration}:\n\n" + "\n\n".join(said)

    def format_with(self, lm: LanguageModel | None) -> str:
        """Return the name of the format that the prompt asks for, whatever `lm` is."""
        del lm
        several = len(self.signature.output_fields) > 1
        return self.prompt_format or ("json" if several else WHOLE_REPLY)

    def write_answer(self, outputs: Mapping[str, Any], lm: LanguageModel | None = None) -> str:
        """Return a reply that has these outputs, as the prompt asks for it."""
        del lm
        return self._write(self.signature, outputs)

    def _write(self, signature: SignatureMeta, outputs: Mapping[str, Any] | Example) -> str:
        name = self.format_with(None)
        if name != WHOLE_REPLY:
            return FORMATS[name].write_answer(signature, outputs)
        (output,) = signature.output_fields.values()
        value = outputs[output.name]
        return value if isinstance(value, str) else write_value(output, value)

    @property
    def _asking(self) -> int | None:
        """The place of the turn before which demos go: the user's last one with a placeholder."""
        places = [
            n for n, turn in enumerate(self.turns) if turn.role == "user" and turn.placeholders
        ]
        return places[-1] if places else None

    def _messages(self, inputs: Mapping[str, Any], prompt_format: str) -> list[Message]:
        del prompt_format  # the prompt says itself what it asks for
        demos = demos_beside(plain([self._with_defaults(demo) for demo in self.demos]), inputs)
        messages = self._without_demos(inputs)
        if (place := self._asking) is not None:
            messages[place:place] = [turn for demo in demos for turn in self._shown(place, demo)]
        return messages

    def _without_demos(self, inputs: Mapping[str, Any]) -> list[Message]:
        instruction = self.signature.instructions.strip()
        return [turn.message(inputs, instruction) for turn in self.turns]

    def _shown(self, place: int, demo: Mapping[str, Any] | Example) -> list[Message]:
        """Return the turns of a demo; none, if it lacks something that stands in them."""
        needed = [*self.turns[place].placeholders, *self.signature.output_fields]
        if not all(name in demo for name in needed):
            return []
        answer = {"role": "assistant", "content": self._write(self.signature, demo)}
        return [self._asked(place, demo), answer]

    def _asked(self, place: int, values: Mapping[str, Any] | Example) -> Message:
        """Return the asking turn as demos show it: the instruction is said once, not in each."""
        turn = self.turns[place]
        shown_turn = Turn(turn.role, without_optimized_part(turn.pieces), turn.name)
        return shown_turn.message(dict(values.items()), "")

    def _request(
        self, lm: LanguageModel | None, messages: list[Message], prompt_format: str
    ) -> LMRequest:
        made = super()._request(lm, messages, prompt_format)
        labels = labels_of(self.signature) if prompt_format == WHOLE_REPLY else made.labels
        return replace(made, labels=labels, write_answer=self._write)

    def request(self, inputs: Mapping[str, Any], lm: LanguageModel | None = None) -> LMRequest:
        """Return what a call with `inputs` asks `lm` for, without asking it."""
        place = self._asking
        return replace(
            super().request(inputs, lm),
            without_demos=self._without_demos(inputs),
            demo_turn=None if place is None else self._asked(place, inputs),
        )

    def _read(self, completion: Completion, prompt_format: str) -> Reading:
        if prompt_format != WHOLE_REPLY:
            return super()._read(completion, prompt_format)
        return read_whole_reply(self.signature, completion.text, truncated=completion.truncated)


def _checked(messages: Any) -> list[tuple[str, str, str]]:
    """Return role, content and name of each message.

    Raises
    ------
    InvalidArgumentError
        If one cannot be read.
    """
    if isinstance(messages, str):
        raise InvalidArgumentError(
            "messages",
            shown(messages, 80),
            "give a list of messages, or the text to ChatPrompt.from_template(text).",
        )
    if not isinstance(messages, Sequence) or not messages:
        remedy = 'give a list of messages such as {"role": "user", "content": "{question}"}.'
        raise InvalidArgumentError("messages", messages, remedy)
    return [_checked_message(number, each) for number, each in enumerate(messages)]


def _checked_message(number: int, message: Any) -> tuple[str, str, str]:
    where = f"messages[{number}]"
    if not isinstance(message, Mapping) or not {"role", "content"} <= set(message):
        remedy = 'give a dict such as {"role": "user", "content": "{question}"}.'
        raise InvalidArgumentError(where, message, remedy)
    if message["role"] not in _ROLES:
        raise InvalidArgumentError(
            f"{where}['role']", message["role"], f"give one of {', '.join(_ROLES)}."
        )
    if further := sorted(set(message) - _KEYS):
        raise InvalidArgumentError(
            where, further, "a message has role, content and maybe a name: no tools, no more."
        )
    content, name = only_text(message["content"]), message.get("name", "")
    for key, value in (("content", content), ("name", name)):
        if not isinstance(value, str):
            remedy = "give a text, or one part that is a text: no images, no several parts."
            raise InvalidArgumentError(f"{where}[{key!r}]", shown(repr(value), 80), remedy)
    return message["role"], content, name


def _role(optimize: Any) -> str | None:
    if optimize is None or optimize in _ROLES[:3]:
        return optimize  # type: ignore[no-any-return]
    raise InvalidArgumentError(
        "optimize", optimize, f"give a role, one of {', '.join(_ROLES[:3])}, or mark a part."
    )


def _pieces(content: str, syntax: str) -> tuple[Any, ...]:
    parts = [parsed(part, syntax) for part in parts_of(content)]
    return parts[0] if len(parts) == 1 else joined(marked(*parts))


def _is_model(outputs: Any) -> bool:
    return isinstance(outputs, type) and issubclass(outputs, BaseModel)


def _signature(inputs: Sequence[str], outputs: Any, instructions: str) -> SignatureMeta:
    if isinstance(outputs, str):
        declared = ensure_signature(f"{_ANY_INPUT} -> {outputs}", instructions)
        found = list(declared.output_fields.values())
    elif _is_model(outputs):
        found = [_field_of_model(name, info) for name, info in outputs.model_fields.items()]
    elif isinstance(outputs, Mapping) and all(isinstance(name, str) for name in outputs):
        spec = FieldSpec("output")
        found = [field_of(name, annotation, spec) for name, annotation in outputs.items()]
    else:
        raise InvalidArgumentError(
            "outputs",
            outputs,
            "give names as in 'answer' or 'label: bool, why', a dict of names and types, or a "
            "pydantic model.",
        )
    if twice := [each.name for each in found if each.name in inputs]:
        raise InvalidArgumentError(
            "outputs", twice[0], "a placeholder has that name: give the output another one."
        )
    fields = {name: Field(name, "input") for name in inputs}
    return make_signature("ChatPrompt", {**fields, **{f.name: f for f in found}}, instructions)


def _field_of_model(name: str, info: Any) -> Field:
    annotation = info.annotation
    for bound in info.metadata:
        annotation = Annotated[annotation, bound]
    return field_of(name, annotation, FieldSpec("output", info.description or ""))
