"""The embedded model: llama.cpp's server inside this process, on a free loopback port."""

from __future__ import annotations

import atexit
import json
import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mipro_nb.errors import InvalidArgumentError, MissingExtraError
from mipro_nb.files import expanded
from mipro_nb.models.services.embedded.weights import weights

_SILENT = -1
_OPENMP = "OMP_WAIT_POLICY"
# Keys and values of prompts seen before: of a dozen prefixes of 500 tokens. Each configuration of a
# search has a prefix of its own.
_PROMPT_CACHE_MIB = 128
# So many tokens of a prompt are read at a time. From 64 on, llama.cpp computes attention in tiles,
# which rounds differently: an answer would then depend on how much of its prompt was cached, and
# with it on the order of the calls. It costs a fifth more time per prompt that is read from its
# start.
_TOKENS_AT_A_TIME = 60


@dataclass(frozen=True)
class LocalServer:
    """A running server.

    Attributes
    ----------
    model
        Name of the model.
    base_url
        Where it answers, OpenAI's protocol.
    identity
        Names what answers, whatever port it got: kept answers also hold in later processes.
    """

    model: str
    base_url: str
    identity: str
    handle: Any


# By file (None: the model that comes with us) and context.
_servers: dict[tuple[Path | None, int], LocalServer] = {}
_lock = threading.Lock()


def start(path: str | Path | None, context_tokens: int) -> LocalServer:
    """Return the server of a model file, started if it is not running yet."""
    with _lock:
        key = (None if path is None else _existing(path), context_tokens)
        if key not in _servers:
            _servers[key] = _started(key[0] or weights(), context_tokens)
        return _servers[key]


def _existing(path: str | Path) -> Path:
    file = expanded(path, "path")
    if not file.is_file():
        raise InvalidArgumentError("path", str(path), "there is no such .gguf file.")
    return file.resolve()


def grammar_of(texts: Iterable[str]) -> str:
    """Return llama.cpp's grammar (GBNF) of replies that are one of `texts`."""
    return "root ::= " + " | ".join(json.dumps(text, ensure_ascii=False) for text in texts)


def _started(file: Path, context_tokens: int) -> LocalServer:
    try:
        with _threads_that_sleep():
            import xllamacpp  # noqa: PLC0415 - an extra
    except ImportError as error:
        msg = "The embedded model needs llama.cpp: run `pip install 'mipro_nb[local]'`."
        raise MissingExtraError(msg) from error
    params = xllamacpp.CommonParams()
    params.model.path = str(file)
    params.n_ctx = context_tokens
    # One slot: on few cores it is the fastest, and batches that depend on what else arrives
    # would change answers by rounding.
    params.n_parallel = 1
    # Writing a token is too little work to share among all cores: threads that wait for each other
    # would burn them, and stand still whenever something else runs. Reading a prompt is not.
    params.cpuparams.n_threads = max(1, _cores() - 1)
    params.cpuparams_batch.n_threads = _cores()
    params.cache_ram_mib = _PROMPT_CACHE_MIB
    params.n_ubatch = _TOKENS_AT_A_TIME
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.verbosity = _SILENT
    try:
        handle = xllamacpp.Server(params)
    except RuntimeError as error:
        raise InvalidArgumentError(
            "path",
            str(file),
            f"llama.cpp cannot start with it ({error}). The file may be damaged or of a kind that "
            "this llama.cpp does not know, or it needs more memory than there is. Give another "
            ".gguf file, or a smaller context_tokens.",
        ) from error
    # A server that goes before its loop runs waits for it for ever. One that answers has begun.
    handle.handle_completions({"prompt": "a", "n_predict": 1, "cache_prompt": False})
    size = file.stat().st_size
    identity = f"llama.cpp {file.name} {size} {context_tokens} {_TOKENS_AT_A_TIME}"
    return LocalServer(file.stem, f"{handle.listening_address}/v1", identity, handle)


@contextmanager
def _threads_that_sleep() -> Iterator[None]:
    """Have threads of what is loaded inside sleep while they wait for each other.

    As it comes, OpenMP has them spin: wherever something else runs on these cores as well, the
    model then takes twice its time.
    """
    if _OPENMP in os.environ:
        yield
        return
    os.environ[_OPENMP] = "passive"  # read once, as the library is loaded
    try:
        yield
    finally:
        del os.environ[_OPENMP]


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@atexit.register
def _stop_all() -> None:
    _servers.clear()  # a server stops when its handle goes
