"""All SQL of the product. Every method is one transaction; times come from the caller."""

from __future__ import annotations

from backend.repository.access import Access
from backend.repository.analyses import Analyses
from backend.repository.choice import Choice
from backend.repository.jobs import Jobs
from backend.repository.questions import Questions
from backend.repository.retention import Retention
from backend.repository.shards import Shards
from backend.repository.transfers import Transfers
from backend.repository.uploads import Uploads
from backend.repository.users import Users
from backend.repository.workers import Workers


class Repository(
    Uploads,
    Transfers,
    Analyses,
    Retention,
    Questions,
    Shards,
    Jobs,
    Choice,
    Workers,
    Users,
    Access,
):
    """Uploads, analyses, jobs, workers and users in SQLite or PostgreSQL."""
