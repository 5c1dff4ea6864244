"""Saved programs: readable JSON of instructions and demos, never pickle.

.. code-block:: json

    {"format": "mipro_nb program", "version": 1,
     "predictors": {"prog.predict": {"signature": "question -> reasoning, answer",
                                     "instructions": "…", "demos": [{"question": "…"}],
                                     "prompt_format": "tags"}}}

A predictor without a prompt format of its own has no such key.
"""

from __future__ import annotations

import contextlib
import json
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic_core import PydanticSerializationError, to_jsonable_python

from mipro_nb.errors import InvalidArgumentError, SavedStateError, shown
from mipro_nb.files import expanded, write_whole
from mipro_nb.language.formats import check_fits, check_format, is_known, unknown_remedy
from mipro_nb.language.rows.example import Example
from mipro_nb.language.rows.plain import plain
from mipro_nb.language.saved_programs.dspy_states import is_dspys, translated
from mipro_nb.language.signatures.fields import accepts, adapter, in_order
from mipro_nb.language.signatures.signature import fields_in, without_choices

if TYPE_CHECKING:
    from pathlib import Path

    from mipro_nb.language.prompting.predictor import Predictor
    from mipro_nb.language.signatures.signature import SignatureMeta

FORMAT = "mipro_nb program"
VERSION = 1


def dump_state(predictors: Sequence[tuple[str, Predictor]]) -> dict[str, Any]:
    """Return the state of `predictors` as JSON-able values."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "predictors": {name: _dump_predictor(name, p) for name, p in predictors},
    }


def _dump_predictor(name: str, predictor: Predictor) -> dict[str, Any]:
    state = {
        "signature": predictor.signature.declaration,
        "instructions": predictor.signature.instructions,
        "demos": [jsonable(dict(demo.items()), f"{name}.demos") for demo in predictor.demos],
    }
    if predictor.prompt_format is not None:
        state["prompt_format"] = predictor.prompt_format
    return state


def kept_text(value: Any, name: str) -> str:
    """Return `value` as the JSON text that a record keeps of it; errors are those of `jsonable`."""
    return json.dumps(jsonable(value, name), ensure_ascii=False)


def jsonable(value: Any, name: str) -> Any:
    """Return `value` as JSON would give it back.

    Raises
    ------
    InvalidArgumentError
        If something in it has no JSON form; `name` says whose value it is.
    """
    try:
        value = plain(value)
        written = to_jsonable_python(value, inf_nan_mode="constants", bytes_mode="base64")
        return in_order(value, written)
    except (PydanticSerializationError, RecursionError, ValueError) as error:
        raise InvalidArgumentError(
            name,
            value,
            "it has no JSON form, so it can be neither prompted nor recorded: use text, numbers,"
            f" lists, dicts or pydantic models ({shown(str(error), 120)}).",
        ) from error


def save(state: Mapping[str, Any], path: str | Path) -> None:
    """Write `state` as indented JSON.

    Raises
    ------
    InvalidArgumentError
        If `path` is not the path of a file.
    """
    path = expanded(path, "path")
    if not path.name:
        raise InvalidArgumentError("path", str(path), "name a file, such as program.json.")
    text = json.dumps(state, indent=2, ensure_ascii=False) + "\n"
    # What has no UTF-8 form (a lone surrogate) is written as its JSON escape, which is read alike.
    write_whole(path, text.encode("utf-8", "backslashreplace"))


def read(path: str | Path) -> dict[str, Any]:
    """Return the state in the file at `path`.

    Raises
    ------
    InvalidArgumentError
        If `path` is not a path.
    SavedStateError
        If there is no such file or it holds no JSON object.
    """
    path = expanded(path, "path")
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        msg = f"Cannot read a saved program from {path}: {error}."
        raise SavedStateError(msg) from error
    if not isinstance(state, dict):
        msg = f"{path} holds no saved program but {shown(repr(state), 80)}."
        raise SavedStateError(msg)
    return state


def load_state(predictors: Sequence[tuple[str, Predictor]], state: Mapping[str, Any]) -> None:
    """Give `predictors` the instructions and demos of `state`; all of them or, on error, none."""
    here = dict(predictors)
    if is_dspys(state):
        saved = translated(state, {name: p.signature for name, p in here.items()})
    else:
        saved = _checked(state)
    if set(saved) != set(here):
        msg = (
            f"The saved program has the predictors {_names(saved)}, this one has {_names(here)}: "
            "load it into the program it was saved from."
        )
        raise SavedStateError(msg)
    loaded = [
        (
            here[name],
            *_load_predictor(name, here[name].signature, entry),
            _load_format(name, here[name].signature, entry),
        )
        for name, entry in saved.items()
    ]
    for predictor, instructions, demos, prompt_format in loaded:
        predictor.signature = predictor.signature.with_instructions(instructions)
        predictor.demos = demos
        predictor.prompt_format = prompt_format


def _names(predictors: Mapping[str, Any]) -> str:
    return shown(", ".join(sorted(map(str, predictors)))) or "none"


def _checked(state: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(state, Mapping) or state.get("format") != FORMAT:
        msg = f"This is not a saved program: its 'format' is not {FORMAT!r}."
        raise SavedStateError(msg)
    version = state.get("version")
    if not isinstance(version, int) or version > VERSION:
        msg = (
            f"The program was saved in format version {version}; this mipro_nb reads up to "
            f"{VERSION}: upgrade mipro_nb."
        )
        raise SavedStateError(msg)
    predictors = state.get("predictors")
    if not isinstance(predictors, dict):
        msg = "The saved program is damaged: 'predictors' is missing or no object."
        raise SavedStateError(msg)
    return predictors


def _load_predictor(name: str, signature: SignatureMeta, entry: Any) -> tuple[str, list[Example]]:
    try:
        declaration, instructions, demos = (
            entry["signature"],
            entry["instructions"],
            entry["demos"],
        )
        well_formed = (
            isinstance(instructions, str)
            and isinstance(demos, list)
            and all(isinstance(demo, dict) for demo in demos)
        )
    except (KeyError, TypeError):
        well_formed = False
    if not well_formed:
        msg = f"The saved predictor {name!r} is damaged: it needs signature, instructions, demos."
        raise SavedStateError(msg)
    if declaration == signature.declaration:
        return instructions, [as_demo(signature, demo) for demo in demos]
    return instructions, _still_fitting(name, signature, declaration, demos)


def _load_format(name: str, signature: SignatureMeta, entry: Mapping[str, Any]) -> str | None:
    named = entry.get("prompt_format")
    if isinstance(named, str) and not is_known(named):
        msg = f"The saved predictor {name!r} cannot be used here: {unknown_remedy(named)}"
        raise SavedStateError(msg)
    try:
        prompt_format = check_format(named)
        if prompt_format is not None:
            check_fits(prompt_format, signature)
    except InvalidArgumentError as error:
        msg = f"The saved predictor {name!r} cannot be used here: {error}"
        raise SavedStateError(msg) from error
    return prompt_format


def _still_fitting(
    name: str, signature: SignatureMeta, declaration: Any, demos: Sequence[Mapping[str, Any]]
) -> list[Example]:
    """Return the demos that fit a signature whose Literals have other choices than they had then.

    A warning says what was taken over, and what not.

    Raises
    ------
    SavedStateError
        If the fields themselves, or their types, are others.
    """
    then = fields_in(declaration) if isinstance(declaration, str) else None
    now = fields_in(signature.declaration)
    if then is None or now is None or _without_choices(then) != _without_choices(now):
        msg = (
            f"The saved predictor {name!r} has the signature {shown(repr(declaration))}, this one "
            f"has {signature.declaration!r}: load it into the program it was saved from."
        )
        raise SavedStateError(msg)
    changed = [field for (kind, field), text in now.items() if then[kind, field] != text]
    fitting, left_out = [], []
    for number, demo in enumerate(demos):
        made = as_demo(signature, demo)
        wrong = [f for f in changed if f in made and not accepts(signature.fields[f], made[f])]
        if wrong:
            values = ", ".join(f"{f}={shown(repr(made[f]), 40)}" for f in wrong)
            left_out.append(f"demo {number} ({values})")
        else:
            fitting.append(made)
    said = (
        f"The saved predictor {name!r} has the signature {shown(declaration)}, this one has "
        f"{signature.declaration}: its instruction and {len(fitting)} of {len(demos)} demos were "
        "taken over."
    )
    if left_out:
        said += f" Left out, because they do not fit any more: {shown(', '.join(left_out), 400)}."
    warnings.warn(said, stacklevel=6)
    return fitting


def _without_choices(fields: Mapping[tuple[str, str], str]) -> dict[tuple[str, str], str]:
    return {name: without_choices(text) for name, text in fields.items()}


def as_demo(signature: SignatureMeta, values: Mapping[str, Any]) -> Example:
    """Return a demo from the JSON-able values that it was written down as."""
    # JSON has no pydantic models, tuples or sets: give such values their types back. Strictly, so
    # that a raw label (a "yes" for a bool) is shown to the LM as it was before it was saved.
    typed = dict(values)
    for name in typed.keys() & signature.fields.keys():
        with contextlib.suppress(Exception):  # over other values a user's own type raises anything
            text = json.dumps(typed[name])
            typed[name] = adapter(signature.fields[name]).validate_json(text, strict=True)
    return Example(typed)
