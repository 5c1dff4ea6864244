"""The jobs, done by mipro_nb."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import mipro_nb as mipro
from benchmarks.against_dspy import spam
from benchmarks.against_dspy.control import Control
from benchmarks.against_dspy.job import carry_out
from benchmarks.against_dspy.task import DEMOS, MODEL, SIGNATURE, Prompt, Task

_LIGHT = {"auto": "light"}
_LIGHT_CANDIDATES = 6


def exact(example: mipro.Example, prediction: mipro.Prediction, _: object = None) -> bool:
    return bool(prediction.answer == example.answer)


def same_label(example: mipro.Example, prediction: mipro.Prediction, _: object = None) -> bool:
    return bool(prediction.label == example.label)


def examples(task: Task, *count: int) -> list[mipro.Example]:
    return [
        mipro.Example(question=row.question, answer=row.answer).with_inputs("question")
        for row in task.rows(*count)
    ]


def optimize(
    task: Task, threads: int, optimizer: Mapping[str, Any] = _LIGHT, **settings: Any
) -> dict[str, Any]:
    """Optimize with demo sets of DSPy's size, and all else as mipro_nb has it.

    Parameters
    ----------
    optimizer
        Parameters of MIPROv2.
    **settings
        Parameters of its ``compile``.
    """
    optimized = _optimized(task, threads, optimizer, settings)
    instructions, demo_sets = _candidates(optimized.run)
    return {
        "score": optimized.score,
        "true_score": task.true_score(_prompt(optimized)),
        "best_true_score": max(
            task.true_score(Prompt.of(text, [demo["question"] for demo in demos]))
            for text, demos in product(instructions, demo_sets)
        ),
        "trials_in_flight": optimized.run.plan.trials_in_flight,
        "estimated": optimized.run.plan.estimate.total.calls.to_dict(),
    }


def timeline(task: Task, threads: int, optimizer: Mapping[str, Any]) -> dict[str, Any]:
    """Return when each call was under way in an optimization, and what it was for.

    Of a call that was sent twice, both requests are told.
    """
    run = _optimized(task, threads, optimizer, {}).run
    trials = run.state.trials
    calls = []
    for recorded in run.record.events(run.id):
        event = recorded.event
        if event.type not in ("lm_call_answered", "lm_call_failed"):
            continue
        what = event.phase if event.trial is None else trials[event.trial].kind
        calls.append(
            {
                "what": "sent twice" if event.type == "lm_call_failed" else what,
                "begun": recorded.at - event.seconds,
                "over": recorded.at,
            }
        )
    return {"timeline": calls}


def search_at_random(task: Task, threads: int, configurations: int) -> dict[str, Any]:
    """Score random configurations of the same candidates on the whole valset; take the best."""
    making = {"search": "mipro", "num_candidates": _LIGHT_CANDIDATES}
    first = _optimized(task, threads, making, {"num_trials": 1, "minibatch": False})
    rows = examples(task)
    evaluate_on_valset = mipro.Evaluate(
        devset=rows[len(rows) // 5 :], metric=exact, num_threads=threads
    )
    choices = random.Random(task.seed).sample(
        list(product(*_candidates(first.run))), configurations - 1
    )
    best, best_score = first, first.score
    for instruction, demos in choices:
        program = mipro.ChainOfThought(SIGNATURE)
        for _, predictor in program.named_predictors():
            predictor.signature = predictor.signature.with_instructions(instruction)
            predictor.demos = [mipro.Example(**demo) for demo in demos]
        score = evaluate_on_valset(program)
        if score > best_score:
            best, best_score = program, score
    return {"score": float(best_score), "true_score": task.true_score(_prompt(best))}


def evaluate(task: Task, threads: int, count: int) -> dict[str, Any]:
    """Score the student on `count` examples."""
    evaluator = mipro.Evaluate(devset=examples(task, count), metric=exact, num_threads=threads)
    return {"score": float(evaluator(mipro.ChainOfThought(SIGNATURE)))}


def label(_: Task, threads: int, rows: spam.Rows, address: str, search: str) -> dict[str, Any]:
    """Tell ham from spam, with the embedded LM."""
    sets = {
        name: [mipro.Example(**row).with_inputs("text") for row in listed]
        for name, listed in rows.items()
    }
    url = Control(address).url
    mipro.configure(lm=_lm(url, max_tokens=spam.LONGEST_LABEL))
    optimizer = mipro.MIPROv2(
        same_label,
        prompt_model=_lm(url, max_tokens=spam.LONGEST_TEXT),
        search=search,
        num_threads=threads,
        **spam.OPTIMIZER,
    )
    return spam.report(
        mipro.Predict(spam.SIGNATURE),
        lambda student: optimizer.compile(
            student,
            trainset=sets["train"],
            valset=sets["val"],
            requires_permission_to_run=False,
            **spam.COMPILING,
        ),
        lambda program: float(
            mipro.Evaluate(devset=sets["test"], metric=same_label, num_threads=threads)(program)
        ),
        address,
    )


def configure(url: str, folder: Path) -> None:
    """Have every call be sent to the server; the record is a fresh one."""
    mipro.configure(lm=_lm(url), record=folder / "record.sqlite")


def _lm(url: str, **settings: Any) -> mipro.LM:
    # DSPy measures no formats: what is compared is the search.
    same: dict[str, Any] = {"cache": False, "timeout": 600, "prompt_format": "lines"}
    return mipro.LM(f"openai/{MODEL}", base_url=url, api_key="none", **same, **settings)


def _optimized(
    task: Task, threads: int, optimizer: Mapping[str, Any], settings: Mapping[str, Any]
) -> mipro.Module:
    sizes: dict[str, Any] = {"max_bootstrapped_demos": DEMOS, "max_labeled_demos": DEMOS}
    made = mipro.MIPROv2(exact, num_threads=threads, seed=9 + task.seed, **sizes, **optimizer)
    return made.compile(
        mipro.ChainOfThought(SIGNATURE),
        trainset=examples(task),
        requires_permission_to_run=False,
        **settings,
    )


def _candidates(run: mipro.Run) -> tuple[list[str], list[list[dict[str, Any]]]]:
    """Return the instructions and the demo sets that a run chose among."""
    (proposed,) = run.state.candidates.values()
    (built,) = run.state.demo_sets.values()
    demo_sets = [json.loads(run.record.text(demo_set.demos)) for demo_set in built.values()]
    return [candidate.instruction for candidate in proposed.values()], demo_sets


def _prompt(program: mipro.Module) -> Prompt:
    ((_, predictor),) = program.named_predictors()
    return Prompt.of(predictor.signature.instructions, [d.question for d in predictor.demos])


if __name__ == "__main__":
    carry_out(
        {
            "optimize": optimize,
            "timeline": timeline,
            "search_at_random": search_at_random,
            "evaluate": evaluate,
            "label": label,
        },
        configure,
    )
