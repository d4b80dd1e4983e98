"""Rows and files that go with an analysis: its shards, the answers about it, its results."""

from __future__ import annotations

from backend.jobs.repository import JobRepository
from backend.storage.files import Store


def forget_shards(jobs: JobRepository, store: Store, analysis: str | None = None) -> None:
    """Removes the shards of an analysis that has ended, or of all such, with their files."""
    for each in jobs.forget_shards(analysis):
        store.delete_result(each)


def forget_answers(
    jobs: JobRepository,
    store: Store,
    *,
    analysis: str | None = None,
    ended_before: float | None = None,
) -> None:
    """Removes every plane and line of an analysis, or all old ones."""
    for each in jobs.forget_answers(analysis=analysis, ended_before=ended_before):
        store.delete_result(each)


def forget_results(jobs: JobRepository, store: Store, analysis: str) -> None:
    """Report, arrays, planes and lines of an analysis whose row is gone."""
    forget_shards(jobs, store, analysis)
    forget_answers(jobs, store, analysis=analysis)
    store.delete_result(analysis)
