"""Permission that is given once, for all runs of a process."""

from __future__ import annotations

import pytest
from scripted_task import Solve, exact, rows

import mipro_nb as mipro
from mipro_nb.errors import InvalidArgumentError, PermissionUnansweredError

SMALL = {"trainset": rows(10), "minibatch": False, "num_trials": 2}


def compiled(**settings):
    return mipro.MIPROv2(exact, num_candidates=2).compile(Solve(), **SMALL, **settings)


def test_the_configuration_permits_runs(server):
    mipro.configure(permission="granted")
    assert compiled().score is not None
    mipro.configure(permission=None)
    with pytest.raises(PermissionUnansweredError, match=r'configure\(permission="granted"\)'):
        compiled()


def test_the_environment_permits_runs(server, monkeypatch):
    monkeypatch.setenv("MIPRO_PERMISSION", "yes")
    assert compiled().score is not None


def test_another_word_in_the_environment_is_an_error_before_any_call(server, monkeypatch):
    monkeypatch.setenv("MIPRO_PERMISSION", "maybe")
    with pytest.raises(InvalidArgumentError, match="MIPRO_PERMISSION='maybe': set it to yes"):
        compiled()
    assert server.count == 0


def test_another_permission_is_an_error():
    with pytest.raises(InvalidArgumentError, match="permission='yes': give 'granted', or None"):
        mipro.configure(permission="yes")


def test_a_run_whose_program_has_changed_is_not_resumed_unasked(server, monkeypatch):
    monkeypatch.setenv("MIPRO_PERMISSION", "yes")
    stopped = compiled(max_calls=10).run
    changed = Solve()
    changed.solve.signature = changed.solve.signature.with_instructions("Say any number.")
    with pytest.raises(InvalidArgumentError, match="accept_changes"):
        mipro.MIPROv2(exact, num_candidates=2).resume(stopped.id, changed, max_calls=100)
