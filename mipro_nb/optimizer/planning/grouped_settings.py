"""The settings of a plan as a person looks at them: in groups, what is not the default first."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from mipro_nb.optimizer.planning.changes import SET_BY_AUTO
from mipro_nb.optimizer.planning.plan import Plan, as_recorded
from mipro_nb.optimizer.planning.settings.requested import DEFAULTS
from mipro_nb.runs import view_model as vm
from mipro_nb.runs.sentences.wording import told_settings

GROUPS: Mapping[str, Mapping[str, str]] = {
    "Headroom": {
        "headroom_prompts": "prompts",
        "headroom_rows": "training rows asked",
        "headroom_repeats": "times each is asked",
        "headroom_valset_size": "validation rows of a run",
    },
    "Search": {
        "auto": "preset",
        "search": "strategy",
        "num_trials": "trials",
        "num_threads": "programs at once",
        "trials_in_flight": "trials at once",
        "stop_at": "score to stop at",
        "patience": "max. trials without a new leader",
        "prefer": "what is returned",
        "hedge": "slow calls sent twice",
        "max_errors": "max. failed examples",
        "example_timeout": "seconds for an example",
        "seed": "seed",
    },
    "Candidates": {
        "num_candidates": "candidates of each kind",
        "max_bootstrapped_demos": "bootstrapped demos",
        "max_labeled_demos": "labelled demos",
        "demos_per_set": "max. demos in a set",
        "metric_threshold": "score that a demo needs",
        "prompt_format": "prompt format",
    },
    "Data": {
        "trainset_size": "training rows",
        "valset_size": "validation rows",
        "testset_size": "test rows",
        "minibatch": "use minibatches",
        "minibatch_size": "rows in a minibatch",
        "minibatch_full_eval_steps": "trials between full evaluations",
        "full_evaluations": "max. full evaluations",
        "labelled_rows": "first rows for plain labelled demos",
    },
    "Proposer": {
        "program_aware_proposer": "reads the program",
        "data_aware_proposer": "reads the data",
        "fewshot_aware_proposer": "reads demos",
        "tip_aware_proposer": "gets a tip",
        "view_data_batch_size": "rows read at a time",
        "init_temperature": "temperature",
        "must_keep": "texts to keep",
        "max_instruction_tokens": "max. tokens of an instruction",
        "max_copied_words": "max. words copied from a row",
        "smallest_edit": "instructions change as little as possible",
        "approve": "you are asked about",
    },
}
"""Group → setting → what it is, in words. A setting of no group is one of "Others", by its name."""

_OTHERS = "Others"
_FOLLOWS = frozenset({"trials_in_flight", "prompt_format"})


def grouped_settings(
    plan: Plan, changeable: Collection[str], changed_from: Mapping[str, Any]
) -> list[vm.SettingGroup]:
    """Return the settings of a plan in groups.

    Parameters
    ----------
    changeable
        Those that may be changed now.
    changed_from
        Those that were changed, with the values that the code gave them.
    """
    settings = told_settings(plan.settings())
    grouped = {name for group in GROUPS.values() for name in group}
    groups = {**GROUPS, _OTHERS: {name: name for name in settings if name not in grouped}}
    shown: list[vm.SettingGroup] = []
    for title, labels in groups.items():
        rows: list[vm.SettingView] = [
            {
                "name": name,
                "label": label,
                "value": settings[name],
                "default": _default(name),
                "differs": _differs(plan, name, settings[name]),
                "changeable": name in changeable,
                "changed": name in changed_from,
                "changed_from": changed_from.get(name),
            }
            for name, label in labels.items()
            if name in settings
        ]
        if rows:
            shown.append({"title": title, "settings": rows})
    return shown


def _default(name: str) -> Any:
    return None if name in _FOLLOWS else as_recorded(getattr(DEFAULTS, name, None))


def _differs(plan: Plan, name: str, value: Any) -> bool:
    """Tell whether somebody chose a value that is not the default.

    What follows from the data, or from ``auto``, nobody chose.
    """
    if name == "prompt_format":
        return plan.prompt_format is not None or plan.formats_by.startswith("chosen")
    if name in _FOLLOWS or (plan.auto is not None and name in SET_BY_AUTO):
        return False
    return hasattr(DEFAULTS, name) and bool(value != _default(name))
