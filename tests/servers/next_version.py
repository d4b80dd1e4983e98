"""The next version of the product: today's sources with other numbers and a migration more."""

from __future__ import annotations

import shutil
from pathlib import Path

from minimascope import __version__
from minimascope.contract.code import Code
from minimascope.contract.report import ESTIMATOR_VERSION
from tests.servers.places import ROOT

VERSION, ESTIMATORS, SCHEMA = "99.0.0", "99", "9999"
# Slow, and not to be done twice: what two servers that start at once would trip over.
MIGRATION = """
import time

import sqlalchemy as sa
from alembic import op

revision = "{schema}"
down_revision = "{before}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table("of_the_next_version", sa.Column("id", sa.String(32), primary_key=True))
    time.sleep(1.0)
    with op.batch_alter_table("jobs") as table:
        table.add_column(sa.Column("of_the_next_version", sa.String(32), nullable=True))
"""


def next_version(folder: Path) -> Path:
    """Its sources, below `folder`; it is told from today's by `NEXT`."""
    ignored = shutil.ignore_patterns("__pycache__", "demos")
    for room in ("minimascope", "backend", "workers"):
        shutil.copytree(ROOT / room, folder / room, ignore=ignored)
    face = folder / "minimascope" / "__init__.py"
    _replace(face, f'__version__ = "{__version__}"', f'__version__ = "{VERSION}"')
    report = folder / "minimascope" / "contract" / "report" / "document.py"
    old, new = (f'ESTIMATOR_VERSION = "{each}"' for each in (ESTIMATOR_VERSION, ESTIMATORS))
    _replace(report, old, new)
    versions = folder / "backend" / "storage" / "migrations" / "versions"
    before = max(path.name[:4] for path in versions.glob("0*.py"))
    text = MIGRATION.format(schema=SCHEMA, before=before)
    (versions / f"{SCHEMA}_next.py").write_text(text)
    return folder


NEXT = Code(VERSION, ESTIMATORS)


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1, f"{old} is not in {path} once"
    path.write_text(text.replace(old, new))
