"""All SQL of the product. Every method is one transaction; times come from the caller."""

from __future__ import annotations

from backend.repository.analyses import Analyses
from backend.repository.jobs import Jobs
from backend.repository.slices import Slices
from backend.repository.transfers import Transfers
from backend.repository.uploads import Uploads
from backend.repository.workers import Workers


class Repository(Uploads, Transfers, Analyses, Slices, Jobs, Workers):
    """Uploads, analyses, jobs and workers in SQLite or PostgreSQL."""
