"""What tokens cost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mipro_nb.errors import InvalidArgumentError
from mipro_nb.models import LM, Price
from mipro_nb.models.prices import as_price, listed_price

MILLION = 1_000_000
amounts = st.floats(0, 1000, allow_nan=False)
tokens = st.integers(0, 10 * MILLION)
prices = st.builds(Price, amounts, amounts, st.none() | amounts)


def test_the_price_of_a_known_model_is_looked_up():
    price = LM("openai/gpt-4o-mini", api_key="key").price
    assert price == Price(0.15, 0.6, 0.075)
    assert price.usd(MILLION, 0) == pytest.approx(0.15)
    assert price.usd(0, MILLION) == pytest.approx(0.6)
    assert price.usd(1000, 200) == pytest.approx(0.00027)


@pytest.mark.parametrize(
    "model",
    [
        "openai/gpt-4o",
        "groq/llama-3.3-70b-versatile",
        "deepseek/deepseek-chat",
        "mistral/mistral-small-latest",
        "gemini/gemini-2.5-flash",
        "xai/grok-4",
        "openrouter/openai/gpt-4o-mini",
    ],
)
def test_prices_are_known_for_every_kind_of_service(model):
    price = LM(model, api_key="key").price
    assert price.input > 0
    assert price.output > price.input / 2


def test_a_dated_name_has_the_price_of_its_model():
    assert listed_price("openai", "gpt-4o-mini-2024-07-18") == listed_price("openai", "gpt-4o-mini")


def test_the_servers_url_may_be_written_out_or_end_with_a_slash(monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "https://api.openai.com/v1/")
    assert LM("openai/gpt-4o-mini", api_key="key").price is not None


@pytest.mark.parametrize(
    "model", ["openai/gpt-of-tomorrow", "ollama/llama3.2", "together/nobody/nothing"]
)
def test_an_unknown_price_is_none_and_never_zero(model):
    assert LM(model, api_key="key").price is None


@pytest.mark.parametrize("model", ["whisper-1", "tts-1", "text-embedding-3-small"])
def test_what_is_not_priced_by_tokens_in_and_out_is_unknown(model):
    assert listed_price("openai", model) is None


def test_a_free_model_is_known_to_cost_nothing():
    assert listed_price("openrouter", "deepseek/deepseek-r1:free") == Price(0, 0, 0)


def test_another_server_may_ask_another_price(monkeypatch):
    assert LM("openai/gpt-4o-mini", base_url="http://127.0.0.1:9/v1").price is None
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    assert LM("openai/gpt-4o-mini", api_key="key").price is None


@pytest.mark.parametrize(
    ("given_price", "price"),
    [
        ((1, 2), Price(1, 2)),
        ([1.0, 2.0, 0.5], Price(1.0, 2.0, 0.5)),
        (Price(0, 0), Price(0, 0)),
        ((0, 0), Price(0, 0)),
    ],
)
def test_the_users_price_wins(given_price, price):
    assert LM("openai/gpt-4o-mini", api_key="key", price=given_price).price == price


@pytest.mark.parametrize(
    "value", [1.0, (1.0,), (1, 2, 3, 4), (1, -2), ("1", "2"), (float("inf"), 1), {}, {1: 2, 3: 4}]
)
def test_what_is_no_price_is_refused(value):
    with pytest.raises(InvalidArgumentError, match="USD per million tokens"):
        as_price(value)


@pytest.mark.parametrize("amount", [-1, float("nan"), float("inf"), True, "1", None])
@pytest.mark.parametrize("name", ["input", "output", "cached_input"])
def test_a_price_that_no_cap_could_hold_is_refused(name, amount):
    if (name, amount) != ("cached_input", None):
        with pytest.raises(InvalidArgumentError, match=f"{name}=.*0 or more"):
            Price(**{"input": 1, "output": 2, name: amount})


def test_tokens_in_the_servers_cache_have_their_own_price():
    assert Price(2.0, 0.0, 0.5).usd(MILLION, 0, 400_000) == pytest.approx(1.4)
    assert Price(2.0, 0.0).usd(MILLION, 0, 400_000) == pytest.approx(2.0)
    assert Price(2.0, 0.0, 0.0).usd(MILLION, 0, MILLION) == 0


@given(prices, tokens, tokens, st.floats(0, 1))
def test_a_price_is_never_negative_and_caching_a_discount(price, read, written, share):
    cached = int(read * share)
    usd = price.usd(read, written, cached)
    assert usd >= 0
    if price.cached_input is None:
        assert usd == pytest.approx(price.usd(read, written))
    elif price.cached_input <= price.input:
        assert usd <= price.usd(read, written) * (1 + 1e-9)


@given(prices, st.lists(st.tuples(tokens, tokens), max_size=5))
def test_calls_cost_together_what_they_cost_one_by_one(price, calls):
    together = price.usd(sum(read for read, _ in calls), sum(written for _, written in calls))
    assert together == pytest.approx(sum(price.usd(*call) for call in calls))
