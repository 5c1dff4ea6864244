"""Names of DSPy that are not part of mipro_nb: anyone who writes one is told where it works.

Scripts for DSPy are tried with ``import mipro_nb as dspy``. What is there has DSPy's name; what is
not says so, and names the bridge, instead of ending in Python's bare AttributeError.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from importlib.util import find_spec
from typing import Any, NoReturn

from mipro_nb.arguments import misspelled

BRIDGE = "keep DSPy and take its optimizer from the bridge: `from mipro_nb.dspy import MIPROv2`"

# Of DSPy 3.4, and a few that older tutorials use.
NAMES = frozenset({
    "Adapter", "AdapterParseError", "Assert", "Audio", "AvatarOptimizer", "BaseLM",
    "BaseModule", "BestOfN", "BetterTogether", "BootstrapFewShot",
    "BootstrapFewShotWithOptuna", "BootstrapFewShotWithRandomSearch", "BootstrapFinetune",
    "BootstrapRS", "COPRO", "ChatAdapter", "Code", "CodeAct", "CodeExecutionError",
    "CodeInterpreter", "CodeInterpreterError", "ColBERTv2", "Completions",
    "ContextWindowExceededError", "DSPyError", "Embedder", "Embeddings",
    "EmbeddingsWithScores", "Ensemble", "File", "FinalOutput", "Flex", "GEPA", "GRPO",
    "History", "Image", "InferRules", "JSONAdapter", "KNN", "KNNFewShot", "LMAuthError",
    "LMBillingError", "LMCollectionLimitError", "LMConfigurationError", "LMError",
    "LMInvalidRequestError", "LMLockTimeoutError", "LMNotConfiguredError",
    "LMProviderError", "LMRateLimitError", "LMServerError", "LMStreamAssemblyError",
    "LMTimeoutError", "LMTransportError", "LMUnexpectedError", "LMUnsupportedFeatureError",
    "LMUnsupportedModelError", "LabeledFewShot", "LocalInterpreter", "MIPRO",
    "MultiChainComparison", "OldField", "OldInputField", "OldOutputField", "Parallel",
    "ProgramOfThought", "Provider", "PythonInterpreter", "RLM", "ReAct", "ReActV2",
    "Reasoning", "Refine", "Retrieve", "SIMBA", "SandboxSerializable", "SignatureMeta",
    "SignatureOptimizer", "Suggest", "Teleprompter", "Tool", "ToolCallResults", "ToolCalls",
    "TrainingJob", "TwoStepAdapter", "Type", "TypedPredictor", "XMLAdapter", "adapters",
    "asyncify", "bootstrap_trace_data", "clients", "configure_cache",
    "configure_dspy_loggers", "disable_litellm_logging", "disable_logging", "dsp",
    "enable_litellm_logging", "enable_logging", "ensure_signature", "experimental",
    "infer_prefix", "is_retryable_lm_error", "lm15", "load", "load_settings", "majority",
    "make_signature", "predict", "primitives", "propose", "resolve_interpreter_factory",
    "retrieve", "retrievers", "signatures", "streamify", "streaming", "syncify",
    "track_usage", "utils", "AlfWorld", "Colors", "CompleteAndGrounded", "DataLoader",
    "Dataset", "EM", "HotPotQA", "MATH", "SemanticF1", "answer_exact_match",
    "answer_passage_match", "auto_evaluation", "dataloader", "metrics", "normalize_text",
})  # fmt: skip
SETTINGS = frozenset({
    "adapter", "rm", "branch_idx", "trace", "callbacks", "async_max_workers", "send_stream",
    "disable_history", "track_usage", "usage_tracker", "caller_predict", "caller_modules",
    "stream_listeners", "provide_traceback", "num_threads", "max_errors",
    "allow_tool_async_sync_conversion", "max_history_size", "max_trace_size",
    "warn_on_type_mismatch", "interpreter_factory", "experimental",
})  # fmt: skip
OPTIONS = frozenset({
    "async_engine", "callbacks", "drop_params", "engine", "finetuning_model",
    "launch_kwargs", "model_type", "prompt_cache", "rollout_id", "train_kwargs",
    "use_developer_role",
})  # fmt: skip
PARAMETERS = frozenset({
    "allow_pickle", "allow_unsafe_lm_state", "callback_metadata", "callbacks", "display",
    "failure_score", "log_dir", "modules_to_serialize", "provide_traceback", "return_all_scores",
    "return_outputs", "save_as_csv", "save_as_json", "save_program", "teacher",
})  # fmt: skip
CALL_PARAMETERS = frozenset({"messages", "n", "request", "rollout_id"})
LM_ATTRIBUTES = frozenset({
    "acall", "aclose", "aforward", "close", "copy", "dump_state", "engine", "finetune", "forward",
    "history", "infer_provider", "inspect_history", "kill", "kwargs", "launch", "load_state",
    "model_type", "provider", "reinforce", "supported_params", "supports_function_calling",
    "supports_reasoning", "supports_response_schema", "update_history",
})  # fmt: skip
MODULE_ATTRIBUTES = frozenset({
    "batch", "get_config", "get_lm", "history", "inspect_history", "map_named_predictors",
    "named_parameters", "named_sub_modules", "parameters", "set_callbacks", "update_config",
})  # fmt: skip
SIGNATURE_ATTRIBUTES = frozenset({
    "append", "append_instructions", "delete", "dump_state", "equals", "insert", "load_state",
    "prepend", "signature", "with_updated_fields",
})  # fmt: skip
PREDICTION_ATTRIBUTES = frozenset({
    "completions", "from_completions", "get_lm_usage", "set_lm_usage",
})  # fmt: skip


def told(what: str, name: str, names: Collection[str]) -> str:
    """Return a sentence on a `what` of DSPy of this name; empty if it is none of `names`."""
    if name not in names:
        return ""
    return f"{name} is a {what} of DSPy's and not part of mipro_nb: {BRIDGE}."


def told_of_parameter(name: str) -> str:
    """Return a sentence on a parameter of DSPy's; empty if it is not one."""
    return told("parameter", name, PARAMETERS)


def told_of_call(name: str) -> str:
    """Return a sentence on a parameter of calls of DSPy's LMs; empty if it is not one."""
    return told("parameter", name, CALL_PARAMETERS)


def absent(owner: str, name: str, names: Collection[str]) -> AttributeError:
    """Return the error of an attribute that `owner` does not have, and DSPy's, by `names`, has."""
    said = f"{owner} has no attribute {name!r}"
    if name in names:
        said = f"{name} is DSPy's and not part of mipro_nb: {BRIDGE}."
    return AttributeError(said)


def missing_from(module: str) -> Callable[[str], NoReturn]:
    """Return the ``__getattr__`` of a module: what to say of names that it does not have."""

    def find(name: str) -> NoReturn:
        if name in NAMES:
            said = f"{name} is DSPy's and not part of mipro_nb: {BRIDGE}."
        elif meant := _meant(module, name):
            said = f"module {module!r} has no attribute {name!r}: did you mean {meant}?"
        else:
            said = f"module {module!r} has no attribute {name!r}"
            raise AttributeError(said, name=name, obj=sys.modules.get(module))
        # An AttributeError would lose its text in ``from mipro_nb import ReAct``.
        if _is_import(sys._getframe(1)):  # noqa: SLF001 - who asks cannot be told otherwise
            raise ImportError(said, name=module)
        raise AttributeError(said)

    return find


def _meant(module: str, name: str) -> str:
    """Return the name of a module that somebody may have meant, "" if none is near."""
    if name.startswith("_") or find_spec(f"{module}.{name}") is not None:
        return ""
    spelled: dict[str, str] = {each.lower(): each for each in sys.modules[module].__all__}
    return spelled.get(misspelled(name, spelled), "")


def _is_import(frame: Any) -> bool:
    """Tell whether ``from … import …`` looks a name up."""
    code = frame.f_code
    return code.co_name == "_handle_fromlist" and "importlib" in code.co_filename
