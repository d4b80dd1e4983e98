"""A hundred damaged copies of each format, those of `make fuzz` with fewer copies."""

from pathlib import Path

import pytest

from tests.unit.intake.fuzz import CODES, FILES, fuzz

# torch.export.save uses torch's own deprecated parts
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
COPIES = 100


@pytest.mark.parametrize("name", list(FILES))
def test_damaged_copies_load_or_are_refused_with_a_stable_code(tmp_path: Path, name: str) -> None:
    found = fuzz(name, copies=COPIES, folder=tmp_path)
    assert found.faults == []
    assert set(found.refused) <= CODES
    assert found.refused.total() > 0
