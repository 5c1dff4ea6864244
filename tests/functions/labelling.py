"""A toy task for functions: messages to be labelled, of which a careful text gets more right."""

from __future__ import annotations

import random

API_KEY = "key-of-a-test-0815"
TEXT = "Is this message spam or ham? Answer in one word."


def label_of(number):
    return "spam" if number % 3 == 0 else "ham"


def answer(request):
    """Answer as a model would: proposals where they are asked for, labels otherwise."""
    if "Write an instruction" in request.system:
        variant = random.Random("".join(request.texts)).randrange(1000)
        return f"instruction: Label {'carefully' if variant % 2 else 'fast'}. Variant {variant}."
    if "form:\n" in request.system:
        wanted = request.system.split("form:\n")[-1].split(":")[0].strip()
        return f"{wanted}: Messages with numbers."
    return label(request)


def label(request):
    """Return the label that the model gives to the last message."""
    number = int("".join(letter for letter in request.last_user if letter.isdigit()))
    skill = 0.4 + 0.5 * ("carefully" in request.system)
    known = random.Random(number).random() < skill
    right, wrong = label_of(number), "ham" if label_of(number) == "spam" else "spam"
    return right if known else wrong
