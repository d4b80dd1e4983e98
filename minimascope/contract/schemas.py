"""The REST API's own documents, shared by backend, client, dashboard and workers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from minimascope.contract.names import visible
from minimascope.contract.parameters import Parameters
from minimascope.contract.report import DataSummary, Lies, Stage

State = Literal["queued", "running", "done", "failed", "cancelled"]
StageState = Literal["waiting", "running", "done", "failed", "skipped"]
UploadKind = Literal["checkpoint", "dataset"]
Scope = Literal["read", "write", "admin", "worker", "metrics"]
FINAL_STATES: tuple[State, ...] = ("done", "failed", "cancelled")
MOST_STEPS = 10**12
MAX_ATTEMPTS = 3  # of a job whose workers are lost
# What an analysis's event stream says; `problem` ends it.
EventName = Literal["snapshot", "progress", "stage", "state", "silent", "problem"]


class Document(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ProblemDocument(Document):
    """RFC 9457 body (`application/problem+json`): code for programs, sentence for people."""

    type: str = "about:blank"
    title: str
    status: int
    code: str
    sentence: str
    advice: str = ""
    request_id: str = ""


class Inspection(Document):
    """What the sandboxed worker found in an upload; `problem` is set when it was refused."""

    state: Literal["pending", "ok", "refused"]
    format: str = ""
    summary: dict[str, Any] = {}
    warnings: list[str] = []
    problem: dict[str, Any] | None = None


class Upload(Document):
    """A stored file. `id` is its sha256; `name` is what the user called it, display text only."""

    id: str
    kind: UploadKind
    name: str
    size: int
    created_at: datetime
    inspection: Inspection


class TransferStatus(Document):
    """An upload in pieces (tus); `upload` is the id of the file it became."""

    id: str
    kind: UploadKind
    name: str
    length: int
    received: int
    upload: str | None = None


Identifier = Annotated[str, Field(max_length=64)]
AnalysisName = Annotated[str, Field(max_length=200), AfterValidator(visible)]
# It stands in addresses: letters, digits and - _ . with spaces between.
RunName = Annotated[str, Field(max_length=100, pattern=r"^\w[\w .\-]*$")]
Step = Annotated[int, Field(ge=0, le=MOST_STEPS)]


class AnalysisRequest(Document):
    """Body of `POST /analyses`: ids of uploads and the parameters.

    `optimizer_state`: of a checkpoint upload, the optimiser's state_dict at these weights. `run`
    and `step`: of which training run this is a report, and after how many steps.
    """

    name: AnalysisName = ""
    checkpoint: Identifier
    train: Identifier
    test: Identifier | None = None
    optimizer_state: Identifier | None = None
    parameters: Parameters = Parameters()
    priority: Literal["low", "normal", "high"] = "normal"
    run: RunName | None = None
    step: Step | None = None

    @model_validator(mode="after")
    def _step_of_a_run(self) -> Self:
        if (self.run is None) != (self.step is None):
            raise ValueError("run and step go together: which training run, after how many steps")
        return self


Tag = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[^\x00,]*$")]


class AnalysisChange(Document):
    """Body of `PATCH /analyses/{id}`: what a person says of an analysis; the rest stays."""

    name: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] | None = None
    notes: Annotated[str, Field(max_length=10_000, pattern=r"^[^\x00]*$")] | None = None
    tags: Annotated[list[Tag], Field(max_length=20)] | None = None
    project: Annotated[str, Field(max_length=80, pattern=r"^[^\x00]*$")] | None = None


class AnalysisPlan(Document):
    """Predicted cost of the spectrum: route, Hessian products, seconds, bytes at most.

    Ranges are what 9 of 10 networks stay within. `stage_seconds`: of every stage asked for, all of
    them on this machine; the spectrum's are timed, the others counted.

    `data`: loss and accuracy with the architecture asked for, to see whether it is the right one.
    """

    route: str
    parameters: int
    examples: int
    products: int
    products_limit: int
    seconds: float
    seconds_per_product: float
    peak_bytes: int
    sentence: str
    products_range: tuple[int, int] | None = None
    seconds_range: tuple[float, float] | None = None
    stage_seconds: dict[Stage, float] = {}
    warnings: list[str] = []
    data: DataSummary | None = None


class Candidate(Document):
    """An architecture that bare weights allow; mean loss (nats) and accuracy on training data."""

    architecture: dict[str, Any]
    loss: float
    accuracy: float | None
    sentence: str


class CandidateTable(Document):
    """What `POST /architectures` answers: least loss first, nothing chosen."""

    candidates: list[Candidate]
    advice: str


class StageStatus(Document):
    stage: str
    state: StageState
    seconds: float | None = None


class MadeBy(Document):
    """The code that computed a result (`minimascope.contract.code`)."""

    version: str
    estimators: str
    build: str = ""


class ListedAnalysis(Document):
    """One row of the list: everything but the parameters, which may be long.

    `elsewhere`: published, computed by the code `made_by` on another machine; its `checkpoint` and
    `train` are empty, because this server has neither.
    """

    id: str
    name: str
    state: State
    stages: list[StageStatus]
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    progress: float = 0.0
    message: str = ""
    attempt: int = 0
    problem: dict[str, Any] | None = None
    checkpoint: str
    train: str
    test: str | None = None
    optimizer_state: str | None = None
    arrays: list[str] = []
    pinned: bool = False
    notes: str = ""
    tags: list[str] = []
    project: str = ""
    made_by: MadeBy | None = None
    run: str | None = None
    step: int | None = None
    elsewhere: bool = False


class Analysis(ListedAnalysis):
    """The head of the analysis page."""

    parameters: Parameters


class AnalysisPage(Document):
    items: list[ListedAnalysis]
    next: str | None = None


class UploadPage(Document):
    items: list[Upload]
    next: str | None = None


class KeyNumbers(Document):
    """What `GET /compare` says of one analysis; null where its report has no such number.

    Losses and gaps in nats of mean NLL, soft rank as rank/n, margins in input units (l2): the
    closest crossings are upper bounds, `…_lower` certified lower ones, of the points that the
    network gets right; `misclassified` counts the others.
    `gap_half`, `gap_ninety`: 50% and 90% interval; without an estimate that the verdict stands by
    all three are null, and `gap_not_used` is what was computed, which is never to be ranked.
    `gap_lies`: where the measured gap lies with respect to the 90% interval.
    `spectrum_examples`: how many λ₁, trace and outliers are of, where that is a sample.
    """

    id: str
    name: str
    state: State
    parameters: int | None = None
    train_loss: float | None = None
    train_accuracy: float | None = None
    test_loss: float | None = None
    test_accuracy: float | None = None
    gap_estimate: float | None = None
    gap_half: tuple[float, float] | None = None
    gap_ninety: tuple[float, float] | None = None
    gap_not_used: float | None = None
    gap_measured: float | None = None
    gap_measured_error: float | None = None
    gap_lies: Lies | None = None
    gap_by_folds: float | None = None
    gap_by_folds_standard_error: float | None = None
    verdict: str | None = None
    lambda_eff: float | None = None
    soft_rank_ggn: float | None = None
    lambda_max: float | None = None
    trace: float | None = None
    outliers: int | None = None
    spectrum_examples: int | None = None
    g_at_epsilon: float | None = None
    n90: int | None = None
    closest_crossing: float | None = None
    closest_crossing_lower: float | None = None
    median_crossing: float | None = None
    median_crossing_lower: float | None = None
    misclassified: int | None = None


class KeyNumbersPage(Document):
    items: list[KeyNumbers]
    next: str | None = None
