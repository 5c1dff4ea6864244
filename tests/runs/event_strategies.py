"""Any event at all, for hypothesis."""

from __future__ import annotations

import typing

from hypothesis import strategies as st

from mipro_nb.runs import events as ev

EVENT_CLASSES = typing.get_args(typing.get_args(ev.AnyEvent)[0])

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def _field(annotation, *bounds):
    objects = st.dictionaries(st.text(), json_values, max_size=3)
    if annotation == dict[str, typing.Any]:
        return objects
    if annotation == dict[str, dict[str, typing.Any]]:
        return st.dictionaries(st.text(), objects, max_size=3)
    if typing.get_origin(annotation) is typing.Literal:
        return st.sampled_from(typing.get_args(annotation))
    return st.from_type(typing.Annotated[annotation, *bounds] if bounds else annotation)


def events_of(cls):
    """Events of one class, with anything in their fields that their types allow."""
    return st.builds(
        cls,
        **{
            name: _field(field.annotation, *field.metadata)
            for name, field in cls.model_fields.items()
        },
    )


any_event = st.one_of([events_of(cls) for cls in EVENT_CLASSES])
