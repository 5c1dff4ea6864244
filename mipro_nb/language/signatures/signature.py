"""Signatures: what a predictor takes, what it gives, and the instruction that says how."""

from __future__ import annotations

import ast
import builtins
import copyreg
import difflib
import inspect
import keyword
import re
import sys
import typing
from functools import partial
from typing import Any, ClassVar, Literal, Optional, Union

from mipro_nb.arguments import only_known
from mipro_nb.errors import InvalidArgumentError, SignatureError, shown
from mipro_nb.language.from_dspy.dspy_names import SIGNATURE_ATTRIBUTES, absent
from mipro_nb.language.signatures.fields import (
    Field,
    FieldSpec,
    InputField,
    OutputField,
    adapter,
    field_of,
    type_name,
)

if typing.TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TYPE_NAMES: dict[str, Any] = {
    "str": str,
    "int": int,
    "float": float,
    "bool": bool,
    "list": list,
    "List": list,
    "dict": dict,
    "Dict": dict,
    "tuple": tuple,
    "set": set,
    "Any": Any,
    "None": None,
    "Literal": Literal,
    "Optional": Optional,
    "Union": Union,
}


def default_instructions(fields: Mapping[str, Field]) -> str:
    """Return the instruction of a signature that has none, in DSPy's words."""
    inputs = ", ".join(f"`{f.name}`" for f in fields.values() if f.kind == "input")
    outputs = ", ".join(f"`{f.name}`" for f in fields.values() if f.kind == "output")
    return f"Given the fields {inputs}, produce the fields {outputs}."


class SignatureMeta(type):
    """Turns class bodies, and calls of `Signature`, into signatures.

    Attributes
    ----------
    fields, input_fields, output_fields
        All fields, the inputs and the outputs by name, in order.
    instructions
        The instruction.
    """

    fields: dict[str, Field]
    input_fields: Mapping[str, Field]
    output_fields: Mapping[str, Field]
    instructions: str

    def __new__(
        mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **keywords: Any
    ) -> SignatureMeta:
        """Make the class, its fields taken out of the body and checked."""
        _refuse_slips(name, namespace, keywords)
        made: Any = namespace.pop("__made_fields__", None)
        is_made = made is not None
        specs = {key: value for key, value in namespace.items() if isinstance(value, FieldSpec)}
        body = {key: value for key, value in namespace.items() if key not in specs}
        cls = super().__new__(mcs, name, bases, body)
        if not is_made:
            made = _inherited_fields(bases)
            made.update(_declared_fields(cls, specs))
        cls.fields = _checked(name, made, needs_inputs=not is_made)
        cls.input_fields = {n: field for n, field in cls.fields.items() if field.kind == "input"}
        cls.output_fields = {n: field for n, field in cls.fields.items() if field.kind == "output"}
        docs = inspect.cleandoc(namespace.get("__doc__") or "")
        cls.instructions = (
            body.get("instructions")
            or docs
            or _inherited_instructions(bases)
            or (default_instructions(cls.fields) if cls.fields else "")
        )
        return cls

    @only_known()
    def __call__(
        cls, declaration: Any = None, instructions: str | None = None, **types: Any
    ) -> Any:
        """Make a signature of ``"question -> answer"``; see `Signature`."""
        if cls is not Signature:
            msg = f"{cls.__name__} is a signature, not a program: call Predict({cls.__name__})."
            raise SignatureError(msg)
        return _from_declaration(declaration, instructions, types)

    def __getattr__(cls, name: str) -> Any:
        raise absent(f"type object {cls.__name__!r}", name, SIGNATURE_ATTRIBUTES)

    @property
    def declaration(cls) -> str:
        """Return the inline form, such as ``"question -> answer: float"``."""
        sides = []
        for kind in ("input", "output"):
            side = [
                f.name if f.type is str else f"{f.name}: {type_name(f.type)}"
                for f in cls.fields.values()
                if f.kind == kind
            ]
            sides.append(", ".join(side))
        return " -> ".join(sides)

    def with_instructions(cls, instructions: str) -> SignatureMeta:
        """Return a signature of the same fields with another instruction."""
        return cls._derived(cls.fields, instructions)

    def with_updated_field(cls, name: str, **changes: Any) -> SignatureMeta:
        """Return a signature in which field `name` is described otherwise.

        Parameters
        ----------
        name
            The field.
        **changes
            ``type``, and what `InputField` takes.
        """
        if name not in cls.fields:
            raise InvalidArgumentError("name", name, f"the fields are {', '.join(cls.fields)}.")
        fields = {**cls.fields, name: cls.fields[name].described(**changes)}
        return cls._derived(fields, cls.instructions)

    def prepend_output(cls, name: str, annotation: Any = str, desc: str = "") -> SignatureMeta:
        """Return a signature with an output before all others.

        One of that name that it has already is taken, as it is, to the front.

        Raises
        ------
        SignatureError
            If an input has the name.
        """
        if name in cls.input_fields:
            msg = f"{cls.declaration!r} has an input {name!r}: an output needs another name."
            raise SignatureError(msg)
        own = cls.output_fields.get(name)
        added = {name: own or Field(name, "output", annotation, desc)}
        return cls._derived({**cls.input_fields, **added, **_without(name, cls.output_fields)})

    def _derived(
        cls, fields: Mapping[str, Field], instructions: str | None = None
    ) -> SignatureMeta:
        kept = cls.instructions if instructions is None else instructions
        return make_signature(cls.__name__, fields, kept)

    def __repr__(cls) -> str:
        return f"{cls.__name__}({cls.declaration!r}, {shown(cls.instructions, 80)!r})"


def _without(name: str, fields: Mapping[str, Field]) -> dict[str, Field]:
    return {other: field for other, field in fields.items() if other != name}


def make_signature(name: str, fields: Mapping[str, Field], instructions: str) -> SignatureMeta:
    """Return a signature of fields that are at hand as such; DSPy's may have no inputs."""
    namespace = {"__made_fields__": dict(fields), "instructions": instructions, "__doc__": ""}
    return SignatureMeta(name, (Signature,), namespace)


def _inherited_instructions(bases: tuple[type, ...]) -> str:
    """Return the instruction that a base was given, "" if it only has the usual one."""
    for base in bases:
        if not isinstance(base, SignatureMeta) or not base.fields:
            continue
        if base.instructions != default_instructions(base.fields):
            return base.instructions
    return ""


def _refuse_slips(name: str, namespace: Mapping[str, Any], keywords: Mapping[str, Any]) -> None:
    """Refuse what would be dropped without a word, and was surely meant to say something."""
    if keywords:
        msg = f"Signature {name} takes no class arguments; it was given {', '.join(keywords)}."
        raise SignatureError(msg)
    for key, value in namespace.items():
        if value is InputField or value is OutputField:
            msg = f"Signature {name}: write {key} = {value.__name__}(), with parentheses."
            raise SignatureError(msg)
        if key != "instructions" and difflib.get_close_matches(key, ["instructions"], cutoff=0.85):
            msg = f"Signature {name}: {key!r} means nothing; write instructions = …"
            raise SignatureError(msg)


def _inherited_fields(bases: tuple[type, ...]) -> dict[str, Field]:
    fields: dict[str, Field] = {}
    for base in reversed(bases):
        fields.update(getattr(base, "fields", {}))
    return fields


def _declared_fields(cls: type, specs: Mapping[str, FieldSpec]) -> dict[str, Field]:
    annotations = _annotations_of(cls)
    bare = [name for name in annotations if name not in specs and not name.startswith("_")]
    if bare and cls.__module__ != __name__:
        msg = (
            f"Signature {cls.__name__}: {', '.join(bare)} has a type but is neither InputField() "
            "nor OutputField()."
        )
        raise SignatureError(msg)
    return {name: field_of(name, annotations.get(name, str), spec) for name, spec in specs.items()}


def _annotations_of(cls: type) -> dict[str, Any]:
    # With `from __future__ import annotations` types are strings whose names may live in the
    # function that defines the class.
    local: dict[str, Any] = {}
    frame = sys._getframe(1)  # noqa: SLF001 - inspect.currentframe() without the stack's cost
    while frame is not None and frame.f_globals.get("__name__") == __name__:
        frame = frame.f_back  # type: ignore[assignment]
    if frame is not None:
        local = {**frame.f_globals, **frame.f_locals}
    # The bases' types were read where they were defined; names in them may mean nothing here.
    body = {"__annotations__": inspect.get_annotations(cls), "__module__": cls.__module__}
    try:
        return typing.get_type_hints(type(cls.__name__, (), body), None, local, include_extras=True)
    except Exception as error:  # a type's text may raise anything when it is read
        msg = f"Signature {cls.__name__}: cannot read its types: {error}."
        raise SignatureError(msg) from error


def _checked(name: str, fields: dict[str, Field], *, needs_inputs: bool = True) -> dict[str, Field]:
    """Return `fields` if each can be one, and there are inputs and outputs.

    A class may have none at all: others are made of it, or `ensure_signature` refuses it.
    """
    for field in fields.values():
        if reason := _why_no_name(field.name):
            msg = f"Signature {name}: a field cannot be named {field.name!r}: {reason}."
            raise SignatureError(msg)
        adapter(field)
    if fields:
        _check_kinds(name, fields, ("input", "output") if needs_inputs else ("output",))
    return fields


def _check_kinds(
    name: str, fields: Mapping[str, Field], kinds: Sequence[str] = ("input", "output")
) -> None:
    for kind in kinds:
        if not any(field.kind == kind for field in fields.values()):
            msg = f"Signature {name} has no {kind} field: write 'question -> answer'."
            raise SignatureError(msg)


def _why_no_name(name: str) -> str:
    if not name.isidentifier():
        return "it is not a Python identifier"
    if keyword.iskeyword(name):
        return "it is a word of Python's own"
    if name == "self":
        return "Python itself passes an argument of that name"
    return "names that begin with an underscore are private" if name.startswith("_") else ""


def _from_declaration(
    declaration: Any, instructions: str | None, types: Mapping[str, Any]
) -> SignatureMeta:
    if not isinstance(declaration, str) or declaration.count("->") != 1:
        raise SignatureError(_how_to_declare(declaration))
    left, right = declaration.split("->")
    fields: dict[str, Field] = {}
    for kind, side in (("input", left), ("output", right)):
        for name, annotation in _read_side(declaration, side, types):
            if name in fields:
                msg = f"Signature {declaration!r} has the field {name!r} twice."
                raise SignatureError(msg)
            fields[name] = Field(name, typing.cast("Literal['input', 'output']", kind), annotation)
    for name, value in types.items():
        # A bag of types of which some are not named does no harm; a text is not a type.
        if isinstance(value, str) and not re.search(rf"\b{re.escape(name)}\b", declaration):
            raise InvalidArgumentError(
                name, value, "the declaration names no such type; did you mean instructions=?"
            )
    if instructions is not None and not isinstance(instructions, str):
        raise InvalidArgumentError("instructions", instructions, "give the instruction as a str.")
    checked = _checked(repr(declaration), fields)
    return make_signature("Signature", checked, instructions or default_instructions(fields))


def _how_to_declare(declaration: Any) -> str:
    example = "as in 'question, context -> answer: float'"
    if not isinstance(declaration, str):
        why = "it is not a text: write inputs, an arrow -> and outputs"
    elif "->" in declaration:
        why = "it has more than one arrow ->: write one, between inputs and outputs"
    elif arrow := re.search(r"-\s+>|=>|→|–>|—>", declaration):
        why = f"write the arrow {arrow.group()!r} between inputs and outputs as ->"
    else:
        why = "it has no arrow: write -> between inputs and outputs"
    return f"Cannot read signature {declaration!r}: {why}, {example}."


def _read_side(declaration: str, side: str, types: Mapping[str, Any]) -> list[tuple[str, Any]]:
    # "a, b: int" is the parameter list of a function, so Python's own parser reads it.
    try:
        function = ast.parse(f"def f({side}): pass").body[0]
    except (SyntaxError, ValueError) as error:
        reason = getattr(error, "msg", error)
        msg = f"Cannot read {side.strip()!r} in signature {declaration!r}: {reason}."
        raise SignatureError(msg) from error
    arguments = typing.cast("ast.FunctionDef", function).args
    if arguments.vararg or arguments.kwarg or arguments.kwonlyargs or arguments.defaults:
        msg = f"Signature {declaration!r}: write names and types only, in {side!r}."
        raise SignatureError(msg)
    return [
        (arg.arg, str if arg.annotation is None else _read_type(arg.annotation, types, declaration))
        for arg in [*arguments.posonlyargs, *arguments.args]
    ]


def _read_type(node: ast.expr, types: Mapping[str, Any], declaration: str) -> Any:
    try:
        return _resolve(node, {**_TYPE_NAMES, **types})
    except (KeyError, TypeError, ValueError) as error:
        msg = (
            f"Unknown type {ast.unparse(node)!r} in signature {declaration!r}: use "
            f"{', '.join(sorted(_TYPE_NAMES))}, or name it: Signature('… -> x: T', T=T)."
        )
        raise SignatureError(msg) from error


def _resolve(node: ast.expr, types: Mapping[str, Any]) -> Any:
    """Return the type that `node` names; nothing is evaluated."""
    match node:
        case ast.Name(id=name) | ast.Attribute(value=ast.Name(id="typing"), attr=name):
            return types[name]
        case ast.Constant(value=None) | ast.Constant(value=builtins.Ellipsis):
            return node.value
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _resolve(left, types) | _resolve(right, types)
        case ast.Subscript(value=outer, slice=inner):
            origin = _resolve(outer, types)
            read = ast.literal_eval if origin is Literal else partial(_resolve, types=types)
            # Optional and pydantic models take one type, not a tuple of one.
            return origin[
                tuple(map(read, inner.elts)) if isinstance(inner, ast.Tuple) else read(inner)
            ]
    raise KeyError(ast.unparse(node))


def _reduced(signature: SignatureMeta) -> str | tuple[Any, ...]:
    """Return how a signature is pickled: by its name, or what it is made of if it has none."""
    found: Any = sys.modules.get(signature.__module__)
    for part in signature.__qualname__.split("."):
        found = getattr(found, part, None)
    if found is signature:
        return str(signature.__qualname__)
    return make_signature, (signature.__name__, signature.fields, signature.instructions)


copyreg.pickle(SignatureMeta, _reduced)


class Signature(metaclass=SignatureMeta):
    """A predictor's inputs, outputs and instruction.

    Written inline or as a class:

    >>> Signature("question, context -> answer: float", "Answer from the context.")
    Signature('question, context -> answer: float', 'Answer from the context.')
    >>> from typing import Literal
    >>> class Spam(Signature):
    ...     '''Say whether the message is spam.'''
    ...
    ...     text: str = InputField()
    ...     label: Literal["ham", "spam"] = OutputField()

    Parameters
    ----------
    declaration
        ``"inputs -> outputs"``: names with optional types (str, bool, int, float, list, dict,
        tuple, Literal, Optional, Union, Any, and those given in `types`).
    instructions
        The instruction; DSPy's default sentence if None.
    **types
        Further types by the name used in the declaration, such as pydantic models.

    Raises
    ------
    SignatureError
        If the declaration cannot be read, a field is there twice, or a type has no text form.
    """

    fields: ClassVar[dict[str, Field]]
    instructions: ClassVar[str]


def ensure_signature(given: str | SignatureMeta, instructions: str | None = None) -> SignatureMeta:
    """Return `given` as a signature, with `instructions` if there are some."""
    if isinstance(given, str):
        return _from_declaration(given, instructions, {})
    if not isinstance(given, SignatureMeta):
        raise InvalidArgumentError(
            "signature", given, "give a string such as 'question -> answer' or a Signature class."
        )
    _check_kinds(given.__name__, given.fields)
    return given if instructions is None else given.with_instructions(instructions)


def fields_in(declaration: str) -> dict[tuple[str, str], str] | None:
    """Return the type's text of each field of an inline form, by kind and name.

    None if it is not one. Types need not be known here.
    """
    try:
        left, right = declaration.split("->")
        return {
            (kind, argument.arg): ast.unparse(argument.annotation) if argument.annotation else "str"
            for kind, side in (("input", left), ("output", right))
            for argument in _arguments(side)
        }
    except (SyntaxError, ValueError, AttributeError):
        return None


def without_choices(annotation: str) -> str:
    """Return the text of a type without the choices of its Literals."""
    tree = ast.parse(annotation, mode="eval")
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "Literal":
            node.slice = ast.Constant(...)
    return ast.unparse(tree)


def _arguments(side: str) -> list[ast.arg]:
    function = typing.cast("ast.FunctionDef", ast.parse(f"def f({side}): pass").body[0])
    return [*function.args.posonlyargs, *function.args.args]
