"""A service that was lost with its disk comes back from its backup: the drill of the manual."""

from __future__ import annotations

import pytest

from benchmarks.trials.restore import drill


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_everything_of_the_backup_is_there_again_and_what_was_under_way_ends(database: str) -> None:
    assert drill(database, megabytes=0)["bytes"] > 0
