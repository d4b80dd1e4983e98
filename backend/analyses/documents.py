"""Rows of an analysis and its job as the documents that the API gives."""

from __future__ import annotations

from typing import Any, cast

from backend.storage.tables import AnalysisRow, JobRow, moment
from minimascope.contract.parameters import Parameters
from minimascope.contract.schemas import Analysis, ListedAnalysis, MadeBy, StageStatus, State

MOST_LAMBDAS = 200


def as_analysis(row: AnalysisRow, job: JobRow) -> Analysis:
    return Analysis(**_listed(row, job), parameters=_parameters(row))


def _parameters(row: AnalysisRow) -> Parameters:
    # Earlier versions took any number of lambdas.
    lambdas = row.parameters.get("lambdas", [])[:MOST_LAMBDAS]
    return Parameters.model_validate({**row.parameters, "lambdas": lambdas})


def as_row(row: AnalysisRow, job: JobRow) -> ListedAnalysis:
    return ListedAnalysis(**_listed(row, job))


def _listed(row: AnalysisRow, job: JobRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "state": cast(State, job.state),
        "stages": [StageStatus.model_validate(stage) for stage in job.stages],
        "created_at": moment(row.created_at),
        "started_at": moment(job.started_at) if job.started_at else None,
        "finished_at": moment(job.finished_at) if job.finished_at else None,
        "progress": job.progress,
        "message": job.message,
        "attempt": job.attempt,
        "problem": job.problem,
        "checkpoint": row.checkpoint,
        "train": row.train,
        "test": row.test,
        "optimizer_state": row.optimizer_state,
        "arrays": sorted(job.arrays),
        "pinned": row.pinned,
        "notes": row.notes,
        "tags": row.tags,
        "project": row.project,
        "made_by": made_by(job),
        "run": row.run,
        "step": row.step,
        "elsewhere": row.published is not None,
    }


def made_by(job: JobRow) -> MadeBy | None:
    """The release that took the job last; None where none did or it did not say."""
    version, _, estimators = job.release.partition("/")
    return MadeBy(version=version, estimators=estimators, build=job.build) if version else None
