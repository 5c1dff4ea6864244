"""Which LMs a run works with, as far as answers and prices depend on them; and what changed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from mipro_nb.errors import shown
from mipro_nb.language.lms.lm_protocol import LanguageModel
from mipro_nb.language.programs.module import Module
from mipro_nb.language.prompting.predictor import Predictor
from mipro_nb.models.lm import as_counted
from mipro_nb.optimizer.planning.specification.run_spec import RunSpec
from mipro_nb.redaction import shown_parameters

Described = Mapping[str, Mapping[str, Any]]
_PREDICTOR = "predictor "
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def every_lm(student: Module, *of_run: LanguageModel | None) -> list[LanguageModel]:
    """Return the LMs of a run: those `of_run` that there are, and those of predictors' own."""
    programs = (student, *student.teachers)
    own = (predictor.lm for each in programs for _, predictor in each.named_predictors())
    return [lm for lm in (*of_run, *own) if lm is not None]


def lms_of_all(student: Module) -> list[LanguageModel]:
    """Return the LMs of the predictors where each has one of its own; none if one has not."""
    own = [predictor.lm for _, predictor in student.named_predictors()]
    there = [lm for lm in own if lm is not None]
    return there if len(there) == len(own) else []


def lms_of(spec: RunSpec) -> dict[str, dict[str, Any]]:
    """Return the settings of every LM by its role, without anything that may be a key.

    The roles are task, prompt, teacher if there is one, and every predictor that has an LM or
    options of its own. Not among the settings is what changes no answer: keys, retries, time
    limits, and the port of a server on this machine, which is another one every time.
    """
    described = {"task": _described(spec.task_lm), "prompt": _described(spec.prompt_lm)}
    if spec.teacher_lm is not None:
        described["teacher"] = _described(spec.teacher_lm)
    for name, predictor in spec.student.named_predictors():
        if own := _own(predictor):
            described[f"{_PREDICTOR}{name}"] = own
    for place, teacher in enumerate(spec.student.teachers, 1):
        for name, predictor in teacher.named_predictors():
            if own := _own(predictor):
                described[f"{_PREDICTOR}{name} of teacher {place}"] = own
    return {role: _as_json(settings) for role, settings in described.items()}


def _own(predictor: Predictor) -> dict[str, Any]:
    lm, options = predictor.lm, shown_parameters(predictor.options)
    return options if lm is None else {"model": lm.name, **_described(lm), **options}


def _described(lm: LanguageModel) -> dict[str, Any]:
    settings = as_counted(lm).shown_settings()
    return {**settings, "server": _without_port(settings["server"])}


def _without_port(server: str) -> str:
    parts = urlsplit(server)
    if parts.hostname not in _LOOPBACK:
        return server
    return parts._replace(netloc=parts.hostname).geturl()


def _as_json(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as a record gives them back."""
    kept: dict[str, Any] = json.loads(json.dumps(settings, default=str))
    return kept


def changes_of_lms(before: Described, now: Described) -> Iterator[tuple[str, str]]:
    """Tell in what LMs are different: the name of the setting, and what it was and is.

    LMs that changed alike are reported together.
    """
    roles: dict[tuple[str, str], list[str]] = {}
    for role in dict.fromkeys([*before, *now]):
        for setting, text in _changes(before.get(role), now.get(role)):
            roles.setdefault((setting, text), []).append(role)
    for (setting, text), alike in roles.items():
        yield setting, f"{_named(alike)}: {text}"


def _named(roles: Sequence[str]) -> str:
    of_run = [role for role in roles if not role.startswith(_PREDICTOR)]
    named = [f"{' and '.join(of_run)} LM"] if of_run else []
    return ", ".join([*named, *(role for role in roles if role.startswith(_PREDICTOR))])


def _changes(
    before: Mapping[str, Any] | None, now: Mapping[str, Any] | None
) -> Iterator[tuple[str, str]]:
    if before is None or now is None:
        yield "model", f"{_whole(before)} → {_whole(now)}"
        return
    for setting in sorted(before.keys() | now.keys()):
        if before.get(setting) != now.get(setting):
            was, is_ = (_value(each.get(setting)) for each in (before, now))
            yield setting, f"{setting} {was} → {is_}"


def _whole(settings: Mapping[str, Any] | None) -> str:
    if settings is None:
        return "none of its own"
    return ", ".join(f"{setting} {_value(value)}" for setting, value in settings.items())


def _value(value: Any) -> str:
    return "none" if value is None else shown(str(value), 60)
