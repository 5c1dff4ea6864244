"""The jobs, done by DSPy; runs in DSPy's own environment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dspy
import optuna  # noqa: F401 - DSPy imports it when it is first needed, which would be measured

from benchmarks.against_dspy import spam
from benchmarks.against_dspy.job import carry_out
from benchmarks.against_dspy.task import DEMOS, MODEL, SIGNATURE, Prompt, Task

# A reply that cannot be read is an error to DSPy, and after ten of them it gives up.
_NO_END = 10_000


def exact(example: dspy.Example, prediction: dspy.Prediction, _: object = None) -> bool:
    return bool(prediction.answer == example.answer)


def same_label(example: dspy.Example, prediction: dspy.Prediction, _: object = None) -> bool:
    return bool(prediction.label == example.label)


def examples(task: Task, *count: int) -> list[dspy.Example]:
    return [
        dspy.Example(question=row.question, answer=row.answer).with_inputs("question")
        for row in task.rows(*count)
    ]


def optimize(task: Task, threads: int) -> dict[str, Any]:
    """Optimize with ``auto="light"`` and everything else as DSPy has it."""
    optimizer = dspy.MIPROv2(metric=exact, auto="light", num_threads=threads, seed=9 + task.seed)
    assert optimizer.max_labeled_demos == optimizer.max_bootstrapped_demos == DEMOS
    optimized = optimizer.compile(dspy.ChainOfThought(SIGNATURE), trainset=examples(task))
    (predictor,) = optimized.predictors()
    prompt = Prompt.of(predictor.signature.instructions, [d.question for d in predictor.demos])
    return {"score": optimized.score, "true_score": task.true_score(prompt)}


def evaluate(task: Task, threads: int, count: int) -> dict[str, Any]:
    """Score the student on `count` examples."""
    evaluator = dspy.Evaluate(devset=examples(task, count), metric=exact, num_threads=threads)
    return {"score": evaluator(dspy.ChainOfThought(SIGNATURE)).score}


def label(_: Task, threads: int, rows: spam.Rows, address: str) -> dict[str, Any]:
    """Tell ham from spam, with the embedded LM."""
    sets = {
        name: [dspy.Example(**row).with_inputs("text") for row in listed]
        for name, listed in rows.items()
    }
    lm = dspy.settings.lm
    dspy.configure(lm=lm.copy(max_tokens=spam.LONGEST_LABEL))
    optimizer = dspy.MIPROv2(
        same_label,
        prompt_model=lm.copy(max_tokens=spam.LONGEST_TEXT),
        auto=None,
        num_threads=threads,
        max_errors=_NO_END,
        **spam.OPTIMIZER,
    )
    return spam.report(
        dspy.Predict(spam.SIGNATURE),
        lambda student: optimizer.compile(
            student, trainset=sets["train"], valset=sets["val"], **spam.COMPILING
        ),
        lambda program: (
            dspy.Evaluate(
                devset=sets["test"], metric=same_label, num_threads=threads, max_errors=_NO_END
            )(program).score
        ),
        address,
    )


def configure(url: str, _: Path, **settings: Any) -> None:
    """Have every call be sent to the server; nothing is kept."""
    dspy.configure_cache(enable_disk_cache=False, enable_memory_cache=False)
    lm = dspy.LM(f"openai/{MODEL}", api_base=url, api_key="none", cache=False, **settings)
    dspy.configure(lm=lm.copy(temperature=0.0))


JOBS = {"optimize": optimize, "evaluate": evaluate, "label": label}

if __name__ == "__main__":
    carry_out(JOBS, configure)
