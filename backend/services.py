"""Every feature's service, composed in the order of the layers."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from backend.analyses.service import AnalysisService
from backend.auth.authentication import check_bind
from backend.auth.credentials import Credentials
from backend.auth.repository import AuthRepository
from backend.jobs.service import JobService
from backend.operations.repository import OperationsRepository
from backend.questions.service import QuestionService
from backend.retention.repository import RetentionRepository
from backend.storage.database import Engine, database_url, open_database
from backend.storage.files import Store
from backend.uploads.service import UploadService
from minimascope.contract.problems import ProblemError
from minimascope.contract.settings import Settings
from minimascope.service.transport import celery_app


@dataclass(frozen=True)
class Services:
    """One per application; endpoints get the one they need as a dependency."""

    settings: Settings
    engine: Engine
    store: Store
    auth: AuthRepository
    credentials: Credentials
    jobs: JobService
    uploads: UploadService
    analyses: AnalysisService
    questions: QuestionService
    operations: OperationsRepository
    retention: RetentionRepository
    # Opens the API to the dashboard inside this process, which then acts for whoever asked it.
    inner_token: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    def close(self) -> None:
        self.engine.dispose()


def create_services(settings: Settings) -> Services:
    """Opens database (migrated), store and broker; raises ProblemError on a forbidden bind."""
    engine = open_database(database_url(settings))
    auth = AuthRepository(engine)
    try:
        check_bind(settings, has_users=auth.has_users())
    except ProblemError:
        engine.dispose()
        raise
    store = Store(settings.folder() / "store", settings.store_url)
    jobs = JobService(engine, store, settings, celery_app(settings))
    uploads = UploadService(engine, store, settings, jobs)
    analyses = AnalysisService(engine, store, uploads=uploads, jobs=jobs)
    return Services(
        settings=settings,
        engine=engine,
        store=store,
        auth=auth,
        credentials=Credentials(settings, auth),
        jobs=jobs,
        uploads=uploads,
        analyses=analyses,
        questions=QuestionService(engine, store, analyses=analyses, jobs=jobs),
        operations=OperationsRepository(engine),
        retention=RetentionRepository(engine),
    )
