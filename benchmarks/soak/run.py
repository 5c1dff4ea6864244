"""One process of the long run: it begins the run, or resumes it, and may be killed.

python -m benchmarks.soak.run ADDRESS RECORD SEED TRIALS [RUN_ID]
"""

from __future__ import annotations

import sys

import mipro_nb as mipro
from benchmarks.against_dspy.run_mipro import exact, examples
from benchmarks.against_dspy.task import DEMOS, MODEL, SIGNATURE, Task

_TRAIN_ROWS, _VALSET_ROWS = 50, 400
_THREADS = 32
# A hanging call is given up soon: an hour of it is compressed here.
_TIMEOUT_SECONDS = 3.0
_RETRIES = 8


def main(address: str, record: str, seed: str, trials: str, *run_id: str) -> None:
    """Begin the run, or resume it, to its end."""
    mipro.configure(
        lm=mipro.LM(
            f"openai/{MODEL}",
            base_url=f"{address}/v1",
            api_key="none",
            cache=False,
            prompt_format="lines",  # the server reads no other
            timeout=_TIMEOUT_SECONDS,
            num_retries=_RETRIES,
        ),
        record=record,
    )
    optimizer = mipro.MIPROv2(
        exact,
        search="mipro",
        num_threads=_THREADS,
        num_candidates=20,
        max_bootstrapped_demos=DEMOS,
        max_labeled_demos=DEMOS,
        seed=int(seed),
    )
    student = mipro.ChainOfThought(SIGNATURE)
    if run_id:
        optimizer.resume(run_id[0], student, requires_permission_to_run=False)
        return
    rows = examples(Task(int(seed)), _TRAIN_ROWS + _VALSET_ROWS)
    optimizer.compile(
        student,
        trainset=rows[:_TRAIN_ROWS],
        valset=rows[_TRAIN_ROWS:],
        num_trials=int(trials),
        minibatch_size=50,
        minibatch_full_eval_steps=50,
        requires_permission_to_run=False,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
