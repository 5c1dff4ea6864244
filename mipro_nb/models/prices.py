"""What tokens cost in USD: from a kept price library, or as the user says."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Annotated

from annotated_types import Ge

from mipro_nb.arguments import only_fields
from mipro_nb.checks import Number, Remedy, check_fields
from mipro_nb.errors import InvalidArgumentError
from mipro_nb.numbers import is_number

_MILLION = 1_000_000
BATCH_PRICE = 0.5
"""What a call in a batch costs, of what it costs else."""
_PerMillion = Annotated[Number, Ge(0), Remedy("give USD per million tokens, 0 or more.")]


@only_fields
@dataclass(frozen=True)
class Price:
    """Prices in USD per million tokens.

    Attributes
    ----------
    input
        Price of input tokens.
    output
        Price of output tokens.
    cached_input
        Price of input tokens found in the server's prompt cache; that of `input` if None.

    Raises
    ------
    InvalidArgumentError
        If a price is not a number of at least 0.

    Examples
    --------
    >>> Price(input=0.15, output=0.60).usd(input_tokens=2_000_000, output_tokens=500_000)
    0.6
    """

    input: _PerMillion
    output: _PerMillion
    cached_input: Annotated[
        Annotated[Number, Ge(0)] | None, Remedy("give USD per million tokens, 0 or more, or None.")
    ] = None

    def __post_init__(self) -> None:
        # A cap in USD would not hold: below nothing spend falls, and no sum with nan is above it.
        check_fields(self)

    def usd(
        self, input_tokens: float, output_tokens: float, cached_input_tokens: float = 0
    ) -> float:
        """Return the price of a call; `cached_input_tokens` are part of `input_tokens`."""
        cached = self.input if self.cached_input is None else self.cached_input
        fresh = input_tokens - cached_input_tokens
        return (
            fresh * self.input + cached_input_tokens * cached + output_tokens * self.output
        ) / _MILLION

    def in_batch(self) -> Price:
        """Return the prices of calls that go in a batch: half, as at OpenAI.

        See https://platform.openai.com/docs/guides/batch. What a prompt cache had is not counted
        as cheaper still.

        Examples
        --------
        >>> Price(input=0.15, output=0.60, cached_input=0.075).in_batch()
        Price(input=0.075, output=0.3, cached_input=None)
        """
        return Price(BATCH_PRICE * self.input, BATCH_PRICE * self.output)


# What to do where no price is known, as a part of a sentence.
PRICE_REMEDY = (
    "give LM(…, price=(input, output)), or mipro.program(…, price=(input, output)) of a function, "
    "or set lm.price = (input, output) of a dspy.LM, in USD per million tokens"
)


def as_price(price: Price | tuple[float, ...] | None) -> Price | None:
    """Return what the user gave as `price` as a Price.

    Raises
    ------
    InvalidArgumentError
        If it is neither a Price nor two or three non-negative numbers.
    """
    if price is None or isinstance(price, Price):
        return price
    well_formed = isinstance(price, tuple | list) and len(price) in (2, 3)
    if not well_formed or any(not is_number(p) or p < 0 for p in price):
        raise InvalidArgumentError(
            "price",
            price,
            "give USD per million tokens: (input, output) or (input, output, cached input).",
        )
    return Price(*price)


@lru_cache(maxsize=256)
def listed_price(provider: str, model: str) -> Price | None:
    """Return the price that genai-prices lists for a model, None if it lists none.

    The library prices usage, and its prices may step up with long inputs; what is returned is
    the price of short ones.
    """
    from genai_prices import Usage, calc_price  # noqa: PLC0415 - slow to import

    try:
        priced = [
            calc_price(usage, model_ref=model, provider_id=provider)
            for usage in (
                Usage(input_tokens=1000),
                Usage(output_tokens=1000),
                Usage(input_tokens=1000, cache_read_tokens=1000),
            )
        ]
    except (LookupError, ValueError):
        return None
    listed = {name for name, price in vars(priced[0].model_price).items() if price is not None}
    # Nothing listed at all is a free model; but what is priced by the hour, or in part, would
    # also come out as free.
    if listed and not listed >= {"input_mtok", "output_mtok"}:
        return None
    return Price(*(float(each.total_price * Decimal(_MILLION) / 1000) for each in priced))


@lru_cache(maxsize=256)
def listed_context(provider: str, model: str) -> int | None:
    """Return how many tokens genai-prices lists for a model's context, None if it lists none."""
    from genai_prices import Usage, calc_price  # noqa: PLC0415 - slow to import

    try:
        return calc_price(Usage(), model_ref=model, provider_id=provider).model.context_window
    except (LookupError, ValueError):
        return None
