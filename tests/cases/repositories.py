"""Every feature's repository on one database, for tests of rows without a server."""

from __future__ import annotations

from backend.analyses.repository import AnalysisRepository
from backend.auth.repository import AuthRepository
from backend.jobs.leases.repository import LeaseRepository
from backend.jobs.repository import JobRepository
from backend.jobs.shards.repository import ShardRepository
from backend.jobs.workers.repository import WorkerRepository
from backend.operations.repository import OperationsRepository
from backend.questions.repository import QuestionRepository
from backend.retention.repository import RetentionRepository
from backend.storage.database import Engine
from backend.uploads.repository import UploadRepository
from backend.uploads.transfers.repository import TransferRepository


class Repositories:
    """Named as the features are."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.auth = AuthRepository(engine)
        self.jobs = JobRepository(engine)
        self.leases = LeaseRepository(engine)
        self.shards = ShardRepository(engine)
        self.workers = WorkerRepository(engine)
        self.uploads = UploadRepository(engine)
        self.transfers = TransferRepository(engine)
        self.analyses = AnalysisRepository(engine)
        self.questions = QuestionRepository(engine)
        self.operations = OperationsRepository(engine)
        self.retention = RetentionRepository(engine)

    def close(self) -> None:
        self.engine.dispose()
