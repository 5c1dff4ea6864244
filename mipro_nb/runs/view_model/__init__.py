"""The view-model: what every view of a run is drawn from, as JSON-able values.

The front end's types are made of these (``make types``). Scores are 0–100 unless said otherwise,
times are Unix seconds, durations seconds, money USD. Every text may come from an LM: it is drawn
as text, never as HTML.
"""

from __future__ import annotations

from mipro_nb.runs.view_model.drill_down import (
    CallDetail,
    ExampleRow,
    Message,
    Prompt,
    ReplyDetail,
    ReplyRating,
    TestedProgram,
    TestsetDetail,
    TestsetRow,
    TrialDetail,
)
from mipro_nb.runs.view_model.effects import (
    Effect,
    EffectCell,
    EffectRow,
    EffectsView,
    FormatEffect,
    FormatEffects,
    PredictorEffects,
)
from mipro_nb.runs.view_model.headroom import HeadroomExample, HeadroomPrompt, HeadroomView
from mipro_nb.runs.view_model.history import (
    ComparedRun,
    CurvePoint,
    HistoryRow,
    LiveRunRow,
    RunComparison,
)
from mipro_nb.runs.view_model.parts import ADDED_LATER, Clip, Range
from mipro_nb.runs.view_model.permission import (
    LeftToPay,
    PermissionRequest,
    SettingGroup,
    SettingView,
)
from mipro_nb.runs.view_model.result import (
    ExampleOutcome,
    GainView,
    ObjectiveRow,
    ObjectivesView,
    ResultPrompt,
    ResultScore,
    ResultView,
    TestView,
    Verdict,
)
from mipro_nb.runs.view_model.run import (
    BestTrial,
    Lives,
    MeasuredFormat,
    MeasuredFormats,
    PhaseProgress,
    RatingsView,
    RunDelta,
    RunSnapshot,
    RunSummary,
)
from mipro_nb.runs.view_model.shown import Shown
from mipro_nb.runs.view_model.spend import (
    CapsView,
    EstimateView,
    Lost,
    PhaseEstimateView,
    SpendView,
)
from mipro_nb.runs.view_model.trials import DemoSetCard, InstructionCard, Standing, TrialRow

__all__ = [
    "ADDED_LATER",
    "BestTrial",
    "CallDetail",
    "CapsView",
    "Clip",
    "ComparedRun",
    "CurvePoint",
    "DemoSetCard",
    "Effect",
    "EffectCell",
    "EffectRow",
    "EffectsView",
    "EstimateView",
    "ExampleOutcome",
    "ExampleRow",
    "FormatEffect",
    "FormatEffects",
    "GainView",
    "HeadroomExample",
    "HeadroomPrompt",
    "HeadroomView",
    "HistoryRow",
    "InstructionCard",
    "LeftToPay",
    "LiveRunRow",
    "Lives",
    "Lost",
    "MeasuredFormat",
    "MeasuredFormats",
    "Message",
    "ObjectiveRow",
    "ObjectivesView",
    "PermissionRequest",
    "PhaseEstimateView",
    "PhaseProgress",
    "PredictorEffects",
    "Prompt",
    "Range",
    "RatingsView",
    "ReplyDetail",
    "ReplyRating",
    "ResultPrompt",
    "ResultScore",
    "ResultView",
    "RunComparison",
    "RunDelta",
    "RunSnapshot",
    "RunSummary",
    "SettingGroup",
    "SettingView",
    "Shown",
    "SpendView",
    "Standing",
    "TestView",
    "TestedProgram",
    "TestsetDetail",
    "TestsetRow",
    "TrialDetail",
    "TrialRow",
    "Verdict",
]
