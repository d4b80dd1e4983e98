"""All SQL of the product. Every method is one transaction; times come from the caller."""

from __future__ import annotations

from backend.analyses.repository import Analyses
from backend.auth.access_repository import Access
from backend.auth.repository import Users
from backend.jobs.repository import Jobs
from backend.jobs.shards.repository import Shards
from backend.jobs.workers.choice import Choice
from backend.jobs.workers.repository import Workers
from backend.questions.repository import Questions
from backend.retention.repository import Retention
from backend.uploads.repository import Uploads
from backend.uploads.transfers import Transfers


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
