"""Reports of training runs by step, each person's own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import func, select, tuple_

from backend.http.cursors import Cursor
from backend.storage.tables import AnalysisRow, JobRow, moment
from backend.storage.transactions import Transactions
from minimascope.contract.runs import RunSummary
from minimascope.contract.schemas import State


@dataclass(frozen=True)
class RunReport:
    """One report of a run; the latest where a step has several."""

    id: str
    name: str
    step: int
    state: State
    created_at: datetime
    elsewhere: bool
    arrays: list[str]


class RunRepository(Transactions):
    """A run is what one person's analyses name as theirs: it comes and goes with them."""

    def runs(
        self, owner: str, *, limit: int, cursor: Cursor | None
    ) -> tuple[list[RunSummary], Cursor | None]:
        """Those that something came of last, first."""
        latest, identifier = func.max(AnalysisRow.created_at), func.max(AnalysisRow.id)
        query = self._summaries(owner)
        if cursor:
            query = query.having(tuple_(latest, identifier) < tuple_(*cursor))
        query = query.order_by(latest.desc(), identifier.desc()).limit(limit + 1)
        with self.read() as session:
            rows: Any = session.execute(query).all()
        last = (float(rows[limit - 1][5]), str(rows[limit - 1][6])) if len(rows) > limit else None
        return [_summary(row) for row in rows[:limit]], last

    def run(self, name: str, owner: str) -> tuple[RunSummary, list[RunReport]] | None:
        """What it has, and its reports in order of step."""
        query = select(AnalysisRow, JobRow.state, JobRow.arrays)
        query = query.join(JobRow, JobRow.id == AnalysisRow.id)
        query = query.where(AnalysisRow.run == name, JobRow.owner == owner)
        query = query.order_by(AnalysisRow.step, AnalysisRow.created_at)
        with self.read() as session:
            head = session.execute(self._summaries(owner).where(AnalysisRow.run == name)).first()
            rows = session.execute(query).all()
            if head is None:
                return None
            found = {
                row.step: _report(row, cast(State, state), arrays) for row, state, arrays in rows
            }
        return _summary(head), list(found.values())

    def _summaries(self, owner: str) -> Any:
        query: Any = select(
            AnalysisRow.run,
            func.count(AnalysisRow.step.distinct()),
            func.min(AnalysisRow.step),
            func.max(AnalysisRow.step),
            func.min(AnalysisRow.created_at),
            func.max(AnalysisRow.created_at),
            func.max(AnalysisRow.id),
        )
        query = query.join(JobRow, JobRow.id == AnalysisRow.id)
        query = query.where(AnalysisRow.run.is_not(None), JobRow.owner == owner)
        return query.group_by(AnalysisRow.run)


def _summary(row: Any) -> RunSummary:
    name, reports, first, last, created, latest, _ = row
    return RunSummary(
        name=name,
        reports=reports,
        first_step=first,
        last_step=last,
        created_at=moment(created),
        latest_at=moment(latest),
    )


def _report(row: AnalysisRow, state: State, arrays: list[Any]) -> RunReport:
    assert row.step is not None
    created = moment(row.created_at)
    elsewhere = row.published is not None
    return RunReport(row.id, row.name, row.step, state, created, elsewhere, sorted(arrays))
