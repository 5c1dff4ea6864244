"""A cheap token count, for estimates made before any call and servers that report no usage."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from mipro_nb.language.lms.lm_protocol import Message

# Byte-pair vocabularies give common words one token and rarer ones a token per 4–6 letters,
# digits about 3 a token, and other scripts roughly a token per character.
_PIECES = re.compile(r"[A-Za-z]+|\d+|[^\sA-Za-z\d]")
_LETTERS_PER_TOKEN = 6
_DIGITS_PER_TOKEN = 3
# Chat templates wrap each message in about this many tokens.
_TOKENS_PER_MESSAGE = 4
# What services count for a picture of the usual size is 250 to 1,600.
_TOKENS_PER_IMAGE = 1000


def count_tokens(text: str) -> int:
    """Return about how many tokens `text` has, typically within a fifth of the true count."""
    total = 0
    for piece in _PIECES.findall(text):
        if piece[0].isascii() and piece[0].isalpha():
            total += math.ceil(len(piece) / _LETTERS_PER_TOKEN)
        elif piece[0].isdigit():
            total += math.ceil(len(piece) / _DIGITS_PER_TOKEN)
        else:
            total += 1
    return total + text.count("\n")


def count_message_tokens(messages: Sequence[Message]) -> int:
    """Return about how many input tokens `messages` have."""
    return sum(_TOKENS_PER_MESSAGE + _count_content(message["content"]) for message in messages)


def _count_content(content: object) -> int:
    """Return the tokens of a message's content, a text or a list of parts."""
    if isinstance(content, str):
        return count_tokens(content)
    parts = content if isinstance(content, list) else []
    texts = [part.get("text") if isinstance(part, Mapping) else part for part in parts]
    return sum(count_tokens(text) if isinstance(text, str) else _TOKENS_PER_IMAGE for text in texts)
