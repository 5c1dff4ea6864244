"""An estimate as an event tells it: a file that a run came with may hold something else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, FiniteFloat, ValidationError

from mipro_nb.runs import view_model as vm


class _ToldPart(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)


class _ToldAmount(_ToldPart):
    low: FiniteFloat
    expected: FiniteFloat
    high: FiniteFloat


class _Phase(_ToldPart):
    phase: str
    calls: _ToldAmount
    input_tokens: _ToldAmount
    output_tokens: _ToldAmount
    usd: _ToldAmount | None


class _Estimate(_ToldPart):
    phases: list[_Phase]
    total: _Phase
    guess: str | None = None
    hedging: str | None = None


def estimate_view(told: Mapping[str, Any]) -> vm.EstimateView | None:
    """Return an estimate for views; None where that is not a whole one."""
    try:
        _Estimate.model_validate(told)
    except ValidationError:
        return None
    return cast("vm.EstimateView", {"guess": None, "hedging": None, **told})
