"""What is known of LiteLLM, which reaches services of other protocols than OpenAI's.

It is an extra, and takes seconds to import: nothing here does so before an LM needs it.
"""

from __future__ import annotations

import math
import os
import re
import warnings
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.util import find_spec
from typing import Any, TypeGuard

from mipro_nb.errors import NOT_SHOWN, InvalidArgumentError, MissingExtraError
from mipro_nb.models.prices import Price
from mipro_nb.models.services.known.registry import (
    LITELLMS,
    NO_KEY,
    PROVIDERS,
    Endpoint,
    checked_key,
    checked_url,
)

WELL_KNOWN = (
    "anthropic", "azure", "azure_ai", "bedrock", "cerebras", "cohere", "databricks", "fireworks_ai",
    "huggingface", "nvidia_nim", "perplexity", "replicate", "sagemaker", "vertex_ai", "watsonx",
)  # fmt: skip
"""Prefixes that need LiteLLM, those that most people look for; it knows many more."""

# Where their keys are looked for, if nothing else can give access.
_KEYS = {"anthropic": ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")}
# Of what service, and which environment variables hold what must not be seen.
_FAMILIES = {
    "azure_ai": ("AZURE",),
    "bedrock": ("AWS",),
    "sagemaker": ("AWS",),
    "vertex_ai": ("VERTEX", "GOOGLE"),
    "together_ai": ("TOGETHER",),
    "fireworks_ai": ("FIREWORKS",),
    "perplexity": ("PERPLEXITY",),
}
_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL|AUTH")

# What LiteLLM and dspy.LM do themselves, and what does it here instead.
_DONE_BY_THE_GATE = {
    "allowed_openai_params": "",
    "additional_drop_params": "",
    "base_model": "",
    "caching": "cache=",
    "callbacks": "",
    "context_window_fallback_dict": "",
    "cooldown_time": "",
    "drop_params": "",
    "failure_callback": "",
    "fallbacks": "",
    "force_timeout": "timeout=",
    "input_cost_per_token": "price=",
    "input_cost_per_second": "price=",
    "litellm_call_id": "",
    "litellm_logging_obj": "",
    "litellm_session_id": "",
    "litellm_trace_id": "",
    "logger_fn": "",
    "max_retries": "num_retries=",
    "mock_response": "",
    "mock_timeout": "",
    "mock_tool_calls": "",
    "model_info": "",
    "model_list": "",
    "model_type": "",
    "modify_params": "",
    "no-log": "",
    "output_cost_per_second": "price=",
    "output_cost_per_token": "price=",
    "preset_cache_key": "",
    "request_timeout": "timeout=",
    "retry_policy": "num_retries=",
    "retry_strategy": "num_retries=",
    "rollout_id": "",
    "stream_timeout": "timeout=",
    "success_callback": "",
    "use_developer_role": "",
    "verbose": "",
}
# What LiteLLM reaches a service by, and no server takes as a parameter.
_WAYS = re.compile(r"api_version|aws_\w+|vertex_\w+|azure_\w+|tenant_id|client_id|client_secret")
_MILLION = 1_000_000


def is_well_known(model: str) -> bool:
    """Tell whether a model has one of the prefixes in `WELL_KNOWN`."""
    prefix, _, rest = model.partition("/")
    return bool(rest) and prefix in WELL_KNOWN


def is_installed() -> bool:
    """Tell whether LiteLLM is there."""
    return find_spec("litellm") is not None


def library() -> Any:
    """Return LiteLLM, imported so that it neither sends anything nor writes to the terminal.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    if not is_installed():
        msg = (
            f"Services such as {', '.join(WELL_KNOWN[:4])} are reached by LiteLLM, which is not "
            "installed: pip install 'mipro_nb[litellm]' brings it."
        )
        raise MissingExtraError(msg)
    # It would fetch its table of prices.
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    # Of its own types, whenever it defines some.
    warnings.filterwarnings("ignore", message=".* using the `ReadOnly` qualifier")
    import litellm  # noqa: PLC0415 - an extra, and slow to import

    litellm.suppress_debug_info = True
    return litellm


def reaches(model: str, *, address: bool) -> bool:
    """Tell whether LiteLLM reaches ``"prefix/model"``, where nothing of ours does.

    Parameters
    ----------
    model
        The model.
    address
        Whether it is at an address of its own, where any name may be a model's.

    Raises
    ------
    MissingExtraError
        If it does so, and is not installed.
    """
    prefix, _, rest = model.partition("/")
    if not rest or prefix in PROVIDERS:
        return False
    if is_well_known(model):
        library()
        return True
    if address or not is_installed():
        return False
    return prefix in {getattr(known, "value", known) for known in library().provider_list}


def endpoint_of(model: str, api_base: str | None, api_key: str | None) -> Endpoint:
    """Return the endpoint of a model that LiteLLM reaches.

    Raises
    ------
    InvalidArgumentError
        If its key is missing, or one of the arguments cannot be used.
    """
    prefix, _, rest = model.partition("/")
    if api_key is not None and not isinstance(api_key, str):
        raise InvalidArgumentError("api_key", NOT_SHOWN, "give the key as a str.")
    variables = _KEYS.get(prefix, ())
    key = checked_key(api_key)
    if variables and not key and api_base is None and not any(map(os.environ.get, variables)):
        raise InvalidArgumentError("api_key", None, f"give LM(…, api_key=…) or set {variables[0]}.")
    where = f"{LITELLMS}{prefix}" if api_base is None else checked_url("api_base", api_base)
    return Endpoint(prefix, rest, where, key or NO_KEY, variables[0] if variables else None)


def is_reached(endpoint: Endpoint) -> bool:
    """Tell whether LiteLLM reaches it."""
    return endpoint.provider is not None and endpoint.provider not in PROVIDERS


def address_of(endpoint: Endpoint) -> str | None:
    """Return the address that was given for an endpoint, None if LiteLLM knows it itself."""
    return None if endpoint.base_url.startswith(LITELLMS) else endpoint.base_url


def key_from_environment(model: str) -> str | None:
    """Return the key to a model's service that the environment holds, None if there is none."""
    variables = _KEYS.get(model.partition("/")[0], ())
    return next(filter(None, map(os.environ.get, variables)), None)


def named(model: Any, parameters: Mapping[str, Any]) -> Any:
    """Return a model's name with the prefix that ``custom_llm_provider=`` gives it."""
    provider = parameters.get("custom_llm_provider")
    if not isinstance(provider, str) or not isinstance(model, str):
        return model
    return model if model.startswith(f"{provider}/") else f"{provider}/{model}"


def understood(parameters: Mapping[str, Any], *, reached: bool) -> tuple[dict[str, Any], str]:
    """Return the parameters of an LM without LiteLLM's own settings, and what to say of these.

    Parameters
    ----------
    parameters
        As ``LM(…)`` was given them.
    reached
        Whether LiteLLM reaches the model.
    """
    kept = {name: v for name, v in parameters.items() if name != "custom_llm_provider"}
    headers = kept.pop("headers", None)
    if headers:
        kept["extra_headers"] = {**headers, **(kept.get("extra_headers") or {})}
    left_out = [
        name
        for name in kept
        if name in _DONE_BY_THE_GATE or (not reached and _WAYS.fullmatch(name))
    ]
    for name in left_out:
        del kept[name]
    if not left_out:
        return kept, ""
    instead = [f"{_DONE_BY_THE_GATE[n]} for {n}" for n in left_out if _DONE_BY_THE_GATE.get(n)]
    said = f"{', '.join(left_out)}: settings of LiteLLM, not of the model, are left out."
    return kept, f"{said} Give {', '.join(instead)}." if instead else said


def ways(parameters: Mapping[str, Any]) -> list[str]:
    """Return the names of those parameters that only LiteLLM reaches a service by."""
    return [name for name in parameters if _WAYS.fullmatch(name)]


def secrets_of(endpoint: Endpoint) -> Iterator[str]:
    """Return what LiteLLM may take from the environment, and must not be seen."""
    prefix = endpoint.provider or ""
    families = (prefix.upper(), *_FAMILIES.get(prefix, ()))
    for name, value in os.environ.items():
        if name.startswith(families) and _SECRET.search(name):
            yield value


@lru_cache(maxsize=256)
def table_price(model: str) -> Price | None:
    """Return the price that LiteLLM's table lists for ``"prefix/model"``, None if it lists none.

    It fills in 0 for some services whose models it does not know, so 0 is taken for unknown.
    """
    listed = _listed(model)
    read, wrote = (listed.get(f"{name}_cost_per_token") for name in ("input", "output"))
    if not _is_price(read) or not _is_price(wrote) or read == wrote == 0:
        return None
    cached = listed.get("cache_read_input_token_cost")
    per_million = [read * _MILLION, wrote * _MILLION]
    if _is_price(cached):
        per_million.append(cached * _MILLION)
    return Price(*(round(each, 9) for each in per_million))


@lru_cache(maxsize=256)
def table_context(model: str) -> int | None:
    """Return how many tokens a prompt may have by LiteLLM's table, None if it does not say."""
    most = _listed(model).get("max_input_tokens")
    return most if isinstance(most, int) and most > 0 else None


def _listed(model: str) -> Mapping[str, Any]:
    try:
        return dict(library().get_model_info(model))
    except Exception:  # noqa: BLE001 - it raises whatever it likes for what it does not know
        return {}


def _is_price(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf
