"""How much room a run takes: what its calls share is kept once."""

from __future__ import annotations

import json
import random

from handmade import answered, keep, planned, scored, write

import mipro_nb as mipro
from mipro_nb.runs.usage import Usage

CALLS = 1_000
MOST_BYTES = 100_000_000 * CALLS // 10_000
WORDS = [f"word{number}" for number in range(5_000)]
PARAMETERS = {"temperature": 0, "max_tokens": 1000}


def text(rng, characters):
    """A text that nothing else is like."""
    return " ".join(rng.choices(WORDS, k=characters // 9))


def heads_of(configurations, rng):
    """The beginnings of prompts, of 2,400 characters: an instruction and demos."""
    return [
        [{"role": "system", "content": text(rng, 1_000)}]
        + [{"role": role, "content": text(rng, 350)} for role in ("user", "assistant") * 2]
        for _ in range(configurations)
    ]


def test_ten_thousand_calls_take_less_than_a_hundred_megabytes():
    rng = random.Random(9)
    record = write("run", [planned(process=2**63 - 1)])
    heads, prompts = heads_of(20, rng), 0
    for number in range(CALLS):
        head = {"parameters": PARAMETERS, "messages": heads[number % 20]}
        tail = {"role": "user", "content": text(rng, 600)}
        reply = text(rng, 600)
        prompts += len(json.dumps(head)) + len(json.dumps(tail))
        record.put_flight("run", number, Usage(1, 2000, 0.001))
        with record.writing():
            record.put_answer(f"{rng.getrandbits(256):064x}", json.dumps({"text": reply}))
            refs = {"prompt_head": keep(record, head), "prompt_tail": keep(record, tail)}
            place = {"trial": number // 25, "example": number % 25, "predictor": "prog.predict"}
            event = answered(reply=record.put_text(reply), **refs, **place)
            record.append("run", event, 2 * number + 1)
            record.end_flight("run", number)
        prediction = keep(record, {"reasoning": text(rng, 500), "answer": "7"})
        score = scored(number // 25, f"prog:instruction={number % 20}", number % 25)
        score = score.model_copy(update={"prediction": prediction})
        record.append("run", score, 2 * number + 2)
    assert prompts > 3_000 * CALLS
    record.query("PRAGMA wal_checkpoint(TRUNCATE)")
    assert record.answers_kept().answers == CALLS
    assert record.path.stat().st_size < MOST_BYTES
    exported = mipro.runs.export("run", record.path.with_suffix(".json"))
    assert exported.stat().st_size < MOST_BYTES
    mipro.runs.delete("run")
    record.clear_answers()
    assert record.path.stat().st_size < MOST_BYTES / 50  # and the room is given back
