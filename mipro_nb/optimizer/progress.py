"""What a blocking compile shows while it waits: one progress bar, and lines if verbose."""

from __future__ import annotations

from collections import deque

from tqdm.auto import tqdm

from mipro_nb.errors import shown
from mipro_nb.optimizer.run import Run
from mipro_nb.runs import events as ev
from mipro_nb.runs.record import RecordedEvent


class RunProgress:
    """A bar over examples scored, drawn by the thread that waits for the run.

    Parameters
    ----------
    run
        The run to follow, before it begins.
    verbose
        Also print a line per candidate and trial.
    """

    def __init__(self, run: Run, *, verbose: bool) -> None:
        plan = run.plan
        self._run = run
        self._events: deque[RecordedEvent] = deque()
        self._verbose = verbose
        evaluations = 1 + plan.num_trials + (plan.full_evaluations if plan.minibatch else 0)
        self._bar = tqdm(total=evaluations, desc="optimize", unit="evaluation")
        run.listen(self._events.append)

    def tick(self) -> None:
        """Show what happened since the last tick."""
        while self._events:
            event = self._events.popleft().event
            match event:
                case ev.PhaseStarted(phase=phase):
                    self._bar.set_description(phase)
                case ev.TrialTold():
                    self._bar.update()
            if self._verbose:
                line = _line(event)
                if line is not None:
                    self._bar.write(line)
        score, spend = self._run.score, self._run.state.spend
        usd = "unknown" if spend.usd is None else f"{spend.usd:.3f}"
        best = "–" if score is None else f"{score:.1f}"
        self._bar.set_postfix_str(f"best {best}, {spend.calls} calls, USD {usd}", refresh=False)

    def close(self) -> None:
        """Draw the bar's last state and leave it."""
        self.tick()
        # There may have been fewer full evaluations than there could have been.
        if self._run.status == "finished":
            self._bar.total = self._bar.n
            self._bar.refresh()
        self._bar.close()


def _line(event: ev.AnyEvent) -> str | None:
    match event:
        case ev.CandidateProposed(predictor=predictor, index=index, instruction=text):
            return f"{predictor} instruction {index}: {shown(text, 200)}"
        case ev.DemoSetBuilt(predictor=predictor, index=index):
            return (
                f"{predictor} demo set {index}: {event.bootstrapped} bootstrapped, "
                f"{event.labelled} labelled"
            )
        case ev.TrialTold(trial=trial, kind=kind, score=score, configuration=configuration):
            return f"evaluation {trial} ({kind}): {score:.1f} {configuration or ''}"
    return None
