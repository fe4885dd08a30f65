"""The clients against a hostile server, for a short time; `hostile.py` runs it for long."""

from __future__ import annotations

import hostile
import pytest


@pytest.mark.parametrize("seed", [1, 2])
def test_each_call_ends_in_time_with_an_error_or_the_right_answer(seed: int) -> None:
    outcomes = hostile.run(seconds=2.5, seed=seed, least=21)
    assert outcomes.faults == []
    assert outcomes.counts["right"] > 20, outcomes.counts
    assert outcomes.counts["Interrupted"] > 20, outcomes.counts
