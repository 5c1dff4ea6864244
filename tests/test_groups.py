"""Which tests run in one process, where there are several."""

from __future__ import annotations

import pytest


def test_the_tests_of_one_file_run_in_one_process(request):
    if not getattr(request.config.option, "loadgroup", False):
        pytest.skip("All tests run in one process.")
    # So pytest-xdist's processes tell each other of groups: without that, they are nothing to it.
    assert request.node.nodeid.endswith("@test_groups")
