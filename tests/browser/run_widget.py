"""Our widget in the output of a cell: the dialog, the run, the history."""

from __future__ import annotations

import re

from playwright.sync_api import expect
from waiting import until

_DONE = r"done\s*$"


class RunWidget:
    """What one cell shows of runs.

    Parameters
    ----------
    output
        The outputs of the cell.
    """

    def __init__(self, output) -> None:
        self.view = output.locator(".mipro:visible").last
        self._saved = output.get_by_text(re.compile("^A saved view"))
        self.dialog = output.get_by_role("form", name=re.compile("^(Optimize|Resume) "))
        self.run = output.get_by_role("region", name=re.compile("^Run "))
        self.head = self.run.locator("header").first
        self.trials = self.run.get_by_role("grid", name="Trials")
        self.history = output.get_by_role("region", name="History")
        self.runs = self.history.get_by_role("grid", name="Runs")

    @property
    def run_id(self):
        """The id of the run that is shown."""
        return self.run.get_attribute("aria-label").removeprefix("Run ")

    def wait_for_dialog(self):
        """Wait until permission is asked for."""
        expect(self.dialog).to_be_visible()

    def wait_until_live(self):
        """Wait until what was saved has given way to what its kernel shows."""
        expect(self.run).to_be_visible()
        expect(self._saved).to_have_count(0)

    def button(self, name):
        """Return a button of the dialog, the run or the history."""
        return self.view.get_by_role("button", name=name, exact=True)

    def field(self, label):
        """Return a field to write in."""
        return self.view.get_by_label(label, exact=True)

    def permit(self):
        """Say yes, and wait until trials are there."""
        self.wait_for_dialog()
        self.button("Run").click()
        self.wait_for_trials()

    def permit_resuming(self):
        """Say yes to the question whether an earlier run shall be resumed."""
        self.wait_for_dialog()
        self.dialog.get_by_role("button", name="Resume", exact=True).click()
        expect(self.run).to_be_visible()

    def wait_for_trials(self):
        """Wait until the search has begun, and some trials are scored."""
        self.wait_for_score()
        expect(self._rows(_DONE).nth(2)).to_be_visible()

    def wait_for_score(self):
        """Wait until the run is shown, and the student is scored."""
        expect(self.run).to_be_visible()
        expect(self._rows(_DONE).first).to_be_visible()

    def wait_for_state(self, state):
        """Wait until the run is said to be in a state."""
        expect(self.head.get_by_text(state, exact=True)).to_be_visible()

    def pause(self):
        """Pause the run."""
        self.button("Pause").click()
        self.wait_for_state("Paused")

    def resume(self):
        """Go on."""
        self.button("Resume").click()
        self.wait_for_state("Running")

    def stop(self):
        """Stop the run, and say that it is meant."""
        self.button("Stop").click()
        self.button("Stop the run").click()
        self.wait_for_state("Stopped")

    def open_tab(self, name):
        """Open a tab, of the run or of what was opened in it."""
        tab = self.view.get_by_role("tab", name=re.compile(f"^{name}"))
        tab.click()
        expect(tab).to_have_attribute("aria-selected", "true")

    def card(self, name):
        """Return a candidate's card: "Instruction 3"."""
        return self.run.get_by_role("article", name=name, exact=True)

    def find_trial(self, trial):
        """Have the row of a trial be in sight: the oldest first, for others may have its digits."""
        self.open_tab("Trials")
        number = self.trials.get_by_role("columnheader").filter(has_text="#")
        for _ in ("descending", "none"):  # what it may be before
            if number.get_attribute("aria-sort") != "ascending":
                number.get_by_role("button").click()
        expect(number).to_have_attribute("aria-sort", "ascending")
        self.field("Filter trials").fill(str(trial))

    def open_trial(self, trial):
        """Open a trial by its row, and return what is shown of it."""
        self.find_trial(trial)
        self._rows(rf"^{trial}\s*(baseline|minibatch|full)").click()
        opened = self.run.get_by_role("region", name=f"Trial {trial}", exact=True)
        expect(opened).to_be_visible()
        return opened

    @property
    def trial_count(self):
        """How many trials the tab shows."""
        tab = self.run.get_by_role("tab", name=re.compile("^Trials"))
        return int(tab.inner_text().removeprefix("Trials"))

    def wait_for_more_trials(self, number):
        """Wait until so many trials more have been begun."""
        wanted = self.trial_count + number
        until(lambda: self.trial_count >= wanted)

    def _rows(self, like):
        return self.trials.get_by_role("row").filter(has_text=re.compile(like))
