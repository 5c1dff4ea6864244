"""What every prompt format has to do, as tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from mipro_nb.errors import MissingExtraError, ReplyError
from mipro_nb.language.formats import FORMATS, Found, PromptFormat
from mipro_nb.language.prompting.prompt import write_messages
from mipro_nb.language.prompting.reply import read_reply
from mipro_nb.language.signatures.signature import Signature, SignatureMeta

if TYPE_CHECKING:
    from types import ModuleType

# Names of types are given to it, of which its type knows nothing.
_signature: Any = Signature
_ONE = "question, line, item -> label: T"
_OF_ONE = "question -> answer"
_SEVERAL = "question, line -> answer, person: P, label, item"
_LONG = "This is the first half of a text, and here it goes on to its end."
_INPUT = 'line one\nlabel: x\n<label>y</label> {"label": 1} ``` \\ \u2028'


class PromptFormatContract:
    """The tests of a prompt format: derive a class from it and say how your format is made.

    They need hypothesis, which makes up the values: the extra ``testing`` brings it.

    Attributes
    ----------
    examples : int
        How many values of each type are tried.
    may_refuse : bool
        Whether values may be refused when they are read back, because nothing marks them: then the
        model is asked again. As another value they must not come back in any case.

    Examples
    --------
    >>> class TestMine(PromptFormatContract):
    ...     examples = 100
    ...
    ...     def make_format(self):
    ...         return MyFormat()
    >>> TestMine.may_refuse
    False
    """

    examples: int = 40
    may_refuse: bool = False

    def make_format(self) -> PromptFormat:
        """Return your format; the one thing that you have to write."""
        raise NotImplementedError

    def test_it_has_what_predictors_use(self) -> None:
        """It has a name, what it is called in a sentence, and all methods."""
        prompt_format = self.make_format()
        missing = f"{type(prompt_format).__name__} lacks a method or attribute of PromptFormat"
        assert isinstance(prompt_format, PromptFormat), missing
        for text in (prompt_format.name, prompt_format.called):
            assert isinstance(text, str), f"{text!r} is not a text"
            assert text.strip(), "name and called must not be empty"

    def test_it_fits_some_signatures(self) -> None:
        """Whether outputs can be asked for is told by True or False, and never raises."""
        signatures = [*self._of_one(), _signature(_SEVERAL, P=self._values().Person)]
        told = [self.make_format().fits(signature) for signature in signatures]
        assert all(isinstance(each, bool) for each in told), f"fits returned one of {told}"
        assert any(told), "it fits none of the signatures that are tried"

    def test_every_value_comes_back(self) -> None:
        """What `write_answer` shows in a demo is read as the same value of the same type.

        Texts hold line breaks, quotes, backslashes, and marks of all formats.
        """
        for kind, (annotation, values) in self._values().TYPES.items():
            signature = _signature(_ONE, T=annotation)
            if self.make_format().fits(signature):
                self._try(values, partial(self._returns, signature, kind))

    def test_several_outputs_do_not_run_into_each_other(self) -> None:
        """Each of several values comes back, whatever the others hold."""
        made = self._values()
        signature = _signature(_SEVERAL, P=made.Person)
        if not self.make_format().fits(signature):
            return
        values = self._hypothesis().strategies.fixed_dictionaries(
            {"answer": made.texts, "person": made.people, "label": made.texts, "item": made.texts}
        )
        self._try(values, partial(self._return, signature, ""))

    def test_no_reply_breaks_the_reading(self) -> None:
        """Whatever a model says is read, or refused with a ReplyError: then it is asked again."""
        made = self._values()
        replies = self._hypothesis().strategies.one_of(
            made.texts, made.texts.map(lambda text: f"label: {text}\n<label>{text}</label>")
        )
        for signature in self._of_one():
            if self.make_format().fits(signature):
                self._try(replies, partial(self._read_or_refused, signature))

    def test_a_reply_that_was_cut_off_is_not_taken_for_a_whole_one(self) -> None:
        """Half a text is asked for again: `Found.last` says which value goes to the end."""
        signature = _signature(_ONE, T=str)
        if not self.make_format().fits(signature):
            return
        with self._known() as prompt_format:
            whole = prompt_format.write_answer(signature, {"label": _LONG})
            half = whole[: whole.index("half") + len("half")]
            try:
                read = read_reply(signature, half, truncated=True, prompt_format=prompt_format.name)
            except ReplyError:
                return
        msg = f"{half!r} was cut off by max_tokens, and is read as {read.values['label']!r}"
        raise AssertionError(msg)

    def test_what_is_not_there_is_left_out(self) -> None:
        """Nothing is guessed: an output that a reply does not have is not found."""
        signature = _signature(_OF_ONE)
        with self._known() as prompt_format:
            for reply in ("", " \n ", "I cannot help with that."):
                found = prompt_format.find(signature, reply)
                assert isinstance(found, Found), f"find returned {type(found).__name__}"
                names = {*found.texts, *found.values, *found.refused}
                assert names <= set(signature.output_fields), f"{names} are not all outputs"
                if prompt_format.name != "value":
                    assert not names, f"{names} found in {reply!r}"

    def test_every_output_is_asked_for_by_name(self) -> None:
        """The description of the form names each output."""
        for signature in (_signature(_OF_ONE), _signature("question -> answer, reason: list[str]")):
            if self.make_format().fits(signature):
                asked = self.make_format().asked(signature)
                for name in signature.output_fields:
                    assert name in asked, f"asked() does not name {name!r}: {asked!r}"

    def test_prompts_are_whole_and_the_same_each_time(self) -> None:
        """A demo is a turn of each side, inputs are shown as they are, and nothing changes.

        What comes first must be equal for all rows: servers reuse what they computed for it.
        """
        signature = _signature(_OF_ONE)
        demo = {"question": "1 + 1?", "answer": "2"}
        with self._known() as prompt_format:
            one, other = (
                write_messages(signature, [demo], asked, prompt_format=prompt_format.name)
                for asked in ({"question": _INPUT}, {"question": "?"})
            )
            again = write_messages(
                signature, [dict(demo)], {"question": _INPUT}, prompt_format=prompt_format.name
            )
        assert [turn["role"] for turn in one] == ["system", "user", "assistant", "user"]
        assert all(isinstance(turn["content"], str) for turn in one), f"not all texts: {one!r}"
        assert one == again, f"the same prompt was written as {one!r}, then as {again!r}"
        assert one[:-1] == other[:-1], "what comes before the row differs from row to row"
        first = _INPUT.split("\n", maxsplit=1)[0]
        assert first in one[-1]["content"], f"the input is not shown as it is: {one[-1]!r}"

    def _returns(self, signature: SignatureMeta, kind: str, value: Any) -> None:
        self._return(signature, kind, {"label": value})

    def _return(self, signature: SignatureMeta, kind: str, values: Mapping[str, Any]) -> None:
        with self._known() as prompt_format:
            reply = prompt_format.write_answer(signature, values)
            try:
                read = read_reply(signature, reply, prompt_format=prompt_format.name)
            except ReplyError as error:
                if self.may_refuse:
                    return
                msg = f"{kind} {values!r} was written as {reply!r}, which cannot be read: {error}"
                raise AssertionError(msg) from error
        for name, value in values.items():
            same = type(read.values[name]) is type(value) and read.values[name] == value
            assert same, f"{kind} {value!r} came back as {read.values[name]!r} from {reply!r}"

    def _read_or_refused(self, signature: SignatureMeta, reply: str) -> None:
        with self._known() as prompt_format:
            for truncated in (False, True):
                with suppress(ReplyError):
                    read_reply(
                        signature, reply, truncated=truncated, prompt_format=prompt_format.name
                    )

    def _of_one(self) -> list[SignatureMeta]:
        types = self._values().TYPES
        chosen = ("str", "int", "literal of str", "list[str]", "model")
        return [_signature(_ONE, T=types[kind][0]) for kind in chosen]

    @contextmanager
    def _known(self) -> Iterator[PromptFormat]:
        """Have the format be found by its name inside the block."""
        prompt_format = self.make_format()
        before = FORMATS.get(prompt_format.name)
        FORMATS[prompt_format.name] = prompt_format
        try:
            yield prompt_format
        finally:
            if before is None:
                del FORMATS[prompt_format.name]
            else:
                FORMATS[prompt_format.name] = before

    def _try(self, values: Any, check: Callable[[Any], None]) -> None:
        hypothesis = self._hypothesis()

        def checked(value: Any) -> None:
            check(value)

        given = hypothesis.given(values)(checked)
        hypothesis.settings(max_examples=self.examples, deadline=None, database=None)(given)()

    @staticmethod
    def _hypothesis() -> ModuleType:
        try:
            import hypothesis  # noqa: PLC0415 - who runs no tests need not have it
        except ImportError as error:
            msg = "PromptFormatContract makes up values with hypothesis: pip install hypothesis."
            raise MissingExtraError(msg) from error
        return hypothesis

    def _values(self) -> ModuleType:
        self._hypothesis()
        from mipro_nb.testing import values  # noqa: PLC0415 - it brings hypothesis

        return values
