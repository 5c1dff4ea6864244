"""A function of a user's own as a program: its prompts are what the optimizer searches."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar, overload

from mipro_nb.arguments import only_known
from mipro_nb.core_loop import in_worker
from mipro_nb.errors import InvalidArgumentError, ProgramError, SignatureError, shown
from mipro_nb.functions.caches import check_caches
from mipro_nb.functions.executions import (
    FunctionExecution,
    Observed,
    executing,
    execution_here,
    has_places,
)
from mipro_nb.functions.lm_calls.doors import open_doors
from mipro_nb.functions.lm_calls.lm import OwnLM
from mipro_nb.functions.prompts.finding import is_function, prompts_of
from mipro_nb.functions.prompts.predictors import FunctionPredictor
from mipro_nb.functions.prompts.prompt import FunctionPrompt
from mipro_nb.functions.prompts.signatures import name_of, named_inputs, signature_for
from mipro_nb.language.execution.own_calls import comes_of_a_client
from mipro_nb.language.lms.lm_protocol import LanguageModel
from mipro_nb.language.programs.module import Module
from mipro_nb.language.rows.example import Example
from mipro_nb.language.saved_programs import saving
from mipro_nb.language.signatures.signature import SignatureMeta, ensure_signature
from mipro_nb.models.prices import Price, as_price

F = TypeVar("F", bound=Callable[..., Any])

_ITS_OWN_LM = "{name} asks an LM of its own: leave it out, and change the model in the function."

_YIELDS = (
    "{name} returns a generator, which asks the LM only after the function has ended. Give a "
    "function that returns the whole answer: one around it, with ''.join(…)."
)
_SENT_ITSELF = "A prompt was sent as an object ({error}): write str(p) where messages are made."

_NOT_EXPORTED = (
    "a function writes its own messages and names its own model, so its requests cannot be written "
    "down: p.source() is the line of each of its prompts to paste, save(…) keeps them all."
)

_CAUGHT = (
    "{name} calls LMs by itself. Calls that leave through httpx are counted and capped: those of "
    "openai's SDK, LiteLLM and most others. What leaves by other ways, or from threads that were "
    "there before the run, is neither counted nor capped."
)


class FunctionProgram(Module):
    """A function that calls LMs by itself, on which the optimizer works as on any program.

    It is called as the function is. Made by `program`.

    Parameters
    ----------
    function
        The function.
    predictors
        What it holds of its prompts.
    price
        Prices of the models that it asks; None for the listed ones.
    observed
        What was seen of it.
    attached
        Whether its prompts are read and set themselves, as in the program that its user holds.

    Examples
    --------
    >>> triage = prompt("Is this message spam or ham?", name="triage")
    >>> label = program(lambda text: f"{triage} {text}", prompts=[triage])
    >>> label("Hello")
    'Is this message spam or ham? Hello'
    >>> [name for name, predictor in label.named_predictors()]
    ['triage']
    """

    is_foreign = True

    def __init__(
        self,
        function: Callable[..., Any],
        predictors: Sequence[FunctionPredictor],
        price: Price | None,
        observed: Observed,
        *,
        attached: bool,
    ) -> None:
        functools.update_wrapper(self, function)
        self._function, self._price, self._attached = function, price, attached
        self._observed = observed
        self._predictors = list(predictors)
        self._lm = OwnLM(type(self).__name__, observed, price)

    @property
    def own_lm(self) -> LanguageModel | None:
        """The LM that it asks by itself."""
        return self._lm

    @property
    def prompts(self) -> list[FunctionPrompt]:
        """Its prompts."""
        return [held.prompt for held in self._predictors]

    @property
    def plan_notes(self) -> Sequence[str]:
        """What the plan of a run has to say about it, after the rehearsal."""
        name, seen = type(self).__name__, self._observed
        names = [held.name for held in self._predictors]
        notes = [_CAUGHT.format(name=name)]
        if seen.places:
            notes.append(
                f"{name} also connects to {shown(', '.join(sorted(seen.places)), 160)}, in the "
                "rehearsal as well: what is asked there is neither counted nor capped."
            )
        if seen.not_held:
            notes.append(
                f"{name} also reads {_listed(sorted(seen.not_held))}, which stays as it is. To "
                f"have it searched as well, name all in mipro.program({name}, prompts=[…])."
            )
        if unfound := [each for each in names if each in seen.read - seen.called]:
            notes.append(
                f"{_listed(unfound)} of {name} is read, but its text is in no call: a candidate "
                "would change nothing there. Send it word for word."
            )
        if filled := [each.name for each in self._predictors if has_places(each.prompt.own_text)]:
            notes.append(
                f"The text of {_listed(filled)} has {{places}} to be filled in: a candidate may "
                "lack them, or have others. Send the values in a message of their own."
            )
        if undemonstrated := [each for each in names if each in seen.read - seen.shown]:
            notes.append(
                f"The demos of {_listed(undemonstrated)} are not read: put *p.messages between the "
                "system message and the question, or set max_bootstrapped_demos=0 and "
                "max_labeled_demos=0."
            )
        return notes

    def named_predictors(self) -> list[tuple[str, Any]]:
        """Return (name, predictor) pairs: one for each prompt."""
        return [(held.name, held) for held in self._predictors]

    def functions(self) -> list[Callable[..., Any]]:
        """Return the functions whose source tells what the program does."""
        return [self._function]

    def classes(self) -> list[type]:
        """Return no classes: a function has none."""
        return []

    def check_lms(self, **lms: LanguageModel | None) -> None:
        """Return if the program can be run with these LMs.

        Raises
        ------
        InvalidArgumentError
            If one is not the function's own.
        """
        for name, lm in lms.items():
            if lm is not None and lm is not self._lm:
                told = _ITS_OWN_LM.format(name=type(self).__name__)
                raise InvalidArgumentError(name, lm, told)

    def fitted_to(self, rows: Sequence[Example]) -> Self:
        """Return a copy, with nothing seen yet, whose predictors have the fields of `rows`.

        Raises
        ------
        InvalidArgumentError
            If the function does not take the rows' inputs, or its answers are kept outside of runs.
        """
        check_caches(self._function)
        inputs = named_inputs(self._function, rows)
        observed = Observed()
        predictors = [
            held.detached(
                signature_for(
                    held.signature.instructions, inputs, rows, single=len(self._predictors) == 1
                ),
                observed,
            )
            for held in self._predictors
        ]
        return self._like_this(predictors, observed)

    def check_rehearsed(self) -> None:
        """Return if the rehearsal has seen a prompt in use.

        Raises
        ------
        ProgramError
            If none was read, or no call was caught.
        """
        name, names = type(self).__name__, [held.name for held in self._predictors]
        if not self._observed.read:
            msg = (
                f"{name} read none of its prompts in the rehearsal ({', '.join(names)}): write "
                'str(p) or f"{p}" inside the function, where the messages are made, not outside of '
                "it. A text that was made before is the same for every candidate."
            )
            raise ProgramError(msg)
        if not self._observed.calls:
            msg = (
                f"{name} made no LM call in the rehearsal that mipro_nb could catch, so its calls "
                "could be neither counted nor capped. Caught is what leaves through httpx, as from "
                "openai's SDK, to …/chat/completions, …/responses or …/v1/messages: ask the LM "
                "so, in the function's own thread."
            )
            raise ProgramError(msg)

    async def acall(self, *args: Any, **inputs: Any) -> Any:
        """Run the function and return what it returns; a sync one in a worker thread."""
        execution = self._execution(inputs)
        with executing(execution):
            try:
                if inspect.iscoroutinefunction(self._function):
                    with open_doors():
                        result = await self._function(*args, **inputs)
                else:
                    result = await in_worker(self._run, *args, **inputs)
                if inspect.isawaitable(result):  # of a lambda, or of a framework's own
                    with open_doors():
                        result = await result
            except asyncio.CancelledError:
                raise
            except Exception as error:
                if execution.failure is None or not comes_of_a_client(error):
                    if FunctionPrompt.__name__ in str(error):  # as JSON and pydantic name a type
                        raise ProgramError(_SENT_ITSELF.format(error=shown(str(error)))) from error
                    raise
                failure = execution.failure
            else:
                if inspect.isgenerator(result) or inspect.isasyncgen(result):
                    raise ProgramError(_YIELDS.format(name=type(self).__name__))
                return result
        # Not inside the except block: a client's own error holds the request, and with it a key.
        raise failure

    def _execution(self, inputs: Mapping[str, Any]) -> FunctionExecution:
        held = {each.prompt: each for each in self._predictors}
        return FunctionExecution(held, inputs, self._observed, self._price)

    def _run(self, *args: Any, **inputs: Any) -> Any:
        # The doors are open as long as the thread is in there, even if it was given up.
        with open_doors():
            return self._function(*args, **inputs)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function, with the texts that this program holds; return what it returns."""
        if self._attached:  # they are those of the prompts
            return self._function(*args, **kwargs)
        execution = self._execution(kwargs)
        with executing(execution):
            result = self._function(*args, **kwargs)
        return _awaited(execution, result) if inspect.isawaitable(result) else result

    def metric_door(self, metric: Callable[..., Any]) -> Callable[..., Any]:
        """Return `metric` as it is called: LM calls of its own have the prices given here."""

        def priced() -> None:
            if (execution := execution_here()) is not None:
                execution.price = self._price

        if inspect.iscoroutinefunction(metric):

            @functools.wraps(metric)
            async def scored_async(*arguments: Any) -> Any:
                priced()
                return await metric(*arguments)

            return scored_async

        def scored(*arguments: Any) -> Any:
            priced()
            return metric(*arguments)

        return scored

    def handed_over(self, **results: Any) -> Any:
        """Return the program; with `results`, which are the run's, its prompts hold the best."""
        if results:
            self.attach_results(**results)
            for held in self._predictors:
                held.prompt.take(held.signature.instructions, held.demos_with_turns(held.demos))
        return self

    def export(
        self, form: str, *, predictor: str | None = None, lm: LanguageModel | None = None
    ) -> Any:
        """Refuse: what the function sends around its prompts is in its code.

        Raises
        ------
        InvalidArgumentError
            Always.
        """
        del form, predictor, lm
        raise InvalidArgumentError("program", type(self).__name__, _NOT_EXPORTED)

    def dump_state(self) -> dict[str, Any]:
        """Return texts and demos as JSON-able values; each demo with the turns it is shown as."""
        twin = self.deepcopy()
        for _, held in twin.named_predictors():
            held.demos = held.demos_with_turns(held.demos)
        return saving.dump_state(twin.named_predictors())

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take texts and demos from what `dump_state` returned.

        Raises
        ------
        SavedStateError
            If the state is of other prompts or a newer format.
        """
        saved = state.get("predictors")
        for held in self._predictors:
            entry = saved.get(held.name) if isinstance(saved, Mapping) else None
            declared = entry.get("signature") if isinstance(entry, Mapping) else None
            held.adopt(_signature_in(declared, held.signature))
        super().load_state(state)

    def load(self, path: str | Path) -> None:
        """Read what `save` wrote into this program and, if it is your own, into its prompts.

        Raises
        ------
        SavedStateError
            If the file is not a saved program, or one of other prompts or a newer format.
        """
        self.load_state(saving.read(path))

    def _like_this(self, predictors: Sequence[FunctionPredictor], observed: Observed) -> Self:
        return type(self)(self._function, predictors, self._price, observed, attached=False)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        twin = self._like_this([held.deepcopy() for held in self._predictors], self._observed)
        if self._results is not None:
            twin.attach_results(**vars(self._results))
        return twin

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self._predictors))})"


@overload
def program(
    function: Callable[..., Any],
    *,
    prompts: Sequence[FunctionPrompt] | None = None,
    price: Price | tuple[float, ...] | None = None,
) -> FunctionProgram: ...


@overload
def program(
    function: None = None,
    *,
    prompts: Sequence[FunctionPrompt] | None = None,
    price: Price | tuple[float, ...] | None = None,
) -> Callable[[Callable[..., Any]], FunctionProgram]: ...


@only_known()
def program(
    function: Callable[..., Any] | None = None,
    *,
    prompts: Sequence[FunctionPrompt] | None = None,
    price: Price | tuple[float, ...] | None = None,
) -> Any:
    """Return a function that calls an LM as a program that `MIPROv2` takes.

    Parameters
    ----------
    function
        A function, sync or async. Its parameters are the inputs of the rows, and what it returns is
        what the metric gets as prediction. None to use it as a decorator:
        ``@mipro.program(prompts=[p])``.
    prompts
        The prompts that it reads, each made by `prompt`; those that its code names if None.
    price
        USD per million tokens of the models that it asks, as in `LM`; the listed ones if None.

    Returns
    -------
    FunctionProgram
        It is called as the function is.

    Raises
    ------
    InvalidArgumentError
        If there are no prompts, two have one name or one text, or `function` is not a function.

    Examples
    --------
    >>> triage = prompt("Is this message spam or ham?", name="triage")
    >>> @program(prompts=[triage])
    ... def label(text):
    ...     return len(f"{triage} {text}")
    >>> label("Hello")
    34
    """
    if function is None:
        return functools.partial(program, prompts=prompts, price=price)
    if not is_function(function):
        raise InvalidArgumentError("function", function, "give a function that calls an LM.")
    given = prompts_of(function) if prompts is None else prompts
    _check_prompts(function, given)
    observed, inputs = Observed(), named_inputs(function)
    predictors = [
        FunctionPredictor(each, signature_for(each.own_text, inputs), [], observed, attached=True)
        for each in given
    ]
    name = name_of(function)
    name = name if name.isidentifier() else "function"
    cls: type[FunctionProgram] = type(name, (FunctionProgram,), {"__module__": __name__})
    return cls(function, predictors, as_price(price), observed, attached=True)


def _check_prompts(function: Callable[..., Any], prompts: Any) -> None:
    given = list(prompts) if isinstance(prompts, Sequence) else [prompts]
    if not given:
        name = name_of(function)
        written = name if name.isidentifier() else "…"
        raise InvalidArgumentError(
            "function",
            name,
            "its code names no prompt: give a Module, or put its text into p = mipro.prompt(…, "
            "name=…) and read it by str(p). Where the prompt is not found, give "
            f"mipro.program({written}, prompts=[p]).",
        )
    if not all(isinstance(each, FunctionPrompt) for each in given):
        raise InvalidArgumentError(
            "prompts", prompts, "give the prompts that it reads: [mipro.prompt(…, name=…), …]."
        )
    texts: dict[str, str] = {}
    names: set[str] = set()
    for each in given:
        if each.name in names:
            raise InvalidArgumentError("prompts", each.name, "two are named so: give each its own.")
        names.add(each.name)
        same = " ".join(each.own_text.split())
        if same in texts:
            raise InvalidArgumentError(
                "prompts",
                shown(each.own_text, 80),
                f"{texts[same]!r} and {each.name!r} have this one text, so that nobody could tell "
                "their calls apart: word one of them differently, or use one prompt twice.",
            )
        texts[same] = each.name


def _signature_in(declared: Any, present: SignatureMeta) -> SignatureMeta:
    """Return the signature that a saved predictor had, the present one if it cannot be read."""
    if not isinstance(declared, str):
        return present
    try:
        return ensure_signature(declared).with_instructions(present.instructions)
    except (SignatureError, InvalidArgumentError):
        return present


async def _awaited(execution: FunctionExecution, result: Awaitable[Any]) -> Any:
    with executing(execution):
        return await result


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))
