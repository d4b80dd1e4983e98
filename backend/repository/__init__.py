"""All SQL of the product. Every method is one transaction; times come from the caller."""

from __future__ import annotations

from backend.repository.analyses import Analyses
from backend.repository.jobs import Jobs
from backend.repository.uploads import Uploads


class Repository(Uploads, Analyses, Jobs):
    """Uploads, analyses and jobs in SQLite or PostgreSQL."""
