"""GSM8K: grade school mathematics in words (Cobbe et al., 2021), split as DSPy splits it."""

from __future__ import annotations

import json
import random
import re
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mipro_nb.arguments import only_known
from mipro_nb.errors import InvalidArgumentError, MissingDataError, MissingExtraError
from mipro_nb.language import Example

if TYPE_CHECKING:
    from collections.abc import Iterable

_TRAIN_ROWS = 200
_DEV_ROWS = 300
_SOLUTION = re.compile(r"(?P<reasoning>.*)####\s*(?P<answer>-?[\d,]*\d)\s*", re.DOTALL)
# A minus sign counts where a number begins, not between two of them.
_NUMBER = re.compile(
    r"(?P<sign>(?<![^\s(=$])[-\u2212](?=\$?\d))?\$?"
    r"(?P<whole>\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?P<fraction>\.\d+)?"
)


class GSM8K:
    """The data set, as rows ``question``, ``gold_reasoning``, ``answer`` with input ``question``.

    Parameters
    ----------
    path
        Where to read from. None: the Hugging Face hub, by the package ``datasets``. A folder: its
        ``train.jsonl`` and ``test.jsonl``, in the form in which GSM8K is published. A file of that
        form: a fifth of its rows becomes the test set.
    seed
        Seed of the shuffle before the split; 0 gives DSPy's split.

    Attributes
    ----------
    train, dev : list of Example
        200 and 300 rows of the official training set; two and three fifths of a smaller one.
    test : list of Example
        The official test set.

    Raises
    ------
    MissingExtraError
        If `path` is None and the package ``datasets`` is not installed.
    MissingDataError
        If there is no file where `path` says.
    InvalidArgumentError
        If a line cannot be read; the text names file and line.

    Examples
    --------
    >>> gsm8k = GSM8K("gsm8k.jsonl")  # a local copy; GSM8K() reads from the Hugging Face hub
    >>> gsm8k.train[0].input_names
    ('question',)
    """

    train: list[Example]
    dev: list[Example]
    test: list[Example]

    @only_known()
    def __init__(self, path: str | Path | None = None, *, seed: int = 0) -> None:
        if path is None:
            learn, test = _from_hub()
        elif Path(path).is_dir():
            learn, test = (_from_file(Path(path) / f"{part}.jsonl") for part in ("train", "test"))
        else:
            learn, test = _from_file(Path(path)), None
        random.Random(seed).shuffle(learn)
        if test is None:
            held_out = len(learn) // 5
            learn, test = learn[held_out:], learn[:held_out]
        else:
            random.Random(seed).shuffle(test)
        train_rows = min(_TRAIN_ROWS, len(learn) * 2 // 5)
        self.train = learn[:train_rows]
        self.dev = learn[train_rows : train_rows + _DEV_ROWS]
        self.test = test


def _from_hub() -> tuple[list[Example], list[Example]]:
    try:
        from datasets import load_dataset  # noqa: PLC0415 - an extra, and slow to import
    except ImportError as error:
        msg = (
            "GSM8K() reads from the Hugging Face hub, by a package that is not installed: "
            "pip install 'mipro_nb[datasets]', or give the path of a local copy: GSM8K('gsm8k/')."
        )
        raise MissingExtraError(msg) from error
    parts = load_dataset("gsm8k", "main")
    learn, test = (
        [
            _read_row(row, f"gsm8k/main, {part}, row {number}")
            for number, row in enumerate(parts[part])
        ]
        for part in ("train", "test")
    )
    return learn, test


def _from_file(path: Path) -> list[Example]:
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        msg = (
            f"Cannot read {path}: {error.strerror}. GSM8K(path) takes a .jsonl file, or a folder "
            "with train.jsonl and test.jsonl, as at https://github.com/openai/grade-school-math."
        )
        raise MissingDataError(msg) from error
    rows = list(_read_lines(lines, path))
    if not rows:
        raise InvalidArgumentError("path", str(path), "the file has no rows.")
    return rows


def _read_lines(lines: Iterable[bytes], path: Path) -> Iterable[Example]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InvalidArgumentError("path", where, f"this is not JSON ({error}).") from error
        yield _read_row(row, where)


def _read_row(row: Any, where: str) -> Example:
    question = row.get("question") if isinstance(row, dict) else None
    solution = row.get("answer") if isinstance(row, dict) else None
    match = _SOLUTION.fullmatch(solution) if isinstance(solution, str) else None
    if not isinstance(question, str) or match is None:
        raise InvalidArgumentError(
            "path",
            where,
            "a row is {'question': '…', 'answer': '… #### 42'}: a text, and a solution that ends "
            "with #### and a whole number.",
        )
    return Example(
        question=question,
        gold_reasoning=" ".join(match["reasoning"].split()),
        answer=match["answer"].replace(",", ""),
    ).with_inputs("question")


def gsm8k_metric(gold: Any, pred: Any, trace: Any = None) -> bool:  # noqa: ARG001 - metrics' form
    """Tell whether the predicted ``answer`` is the same number as the gold one.

    Of each answer the last number of the first line that has one counts, whatever stands around
    it: ``"$1,200."`` is ``"1200"``. Other than with DSPy, an answer without a number is wrong
    instead of 0, and so is ``"18.5"`` for 18 or ``"-3"`` for 3.

    Parameters
    ----------
    gold, pred
        Example and prediction, both with ``answer``.
    trace
        Not used.
    """
    expected = _last_number(getattr(gold, "answer", None))
    return expected is not None and expected == _last_number(getattr(pred, "answer", None))


def _last_number(answer: Any) -> Decimal | None:
    for line in str(answer).splitlines():
        numbers = list(_NUMBER.finditer(line))
        if numbers:
            last = numbers[-1]
            whole, fraction = last["whole"].replace(",", ""), last["fraction"] or ""
            return Decimal(("-" if last["sign"] else "") + whole + fraction)
    return None
