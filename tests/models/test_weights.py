"""The faster copy of the embedded model's weights."""

from __future__ import annotations

import os
import sys

import gguf
import numpy as np
import pytest

from mipro_nb.errors import MissingExtraError
from mipro_nb.models.weights import weights


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.real_lm
def test_a_copy_with_the_same_weights_is_made_once_and_left_whole(cache):
    (cache / "mipro_nb").mkdir(parents=True)
    killed = cache / "mipro_nb" / "some.gguf.unfinished"
    killed.touch()
    os.utime(killed, (0, 0))
    copy = weights()
    assert copy.is_relative_to(cache)
    assert list(copy.parent.iterdir()) == [copy], "nothing unfinished is left"
    assert copy.stat().st_mode & 0o044, "another user of the folder may read it"
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
