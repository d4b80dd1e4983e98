"""What weights alone say: a row a tensor, and the findings of all of them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

SHA256 = r"^[0-9a-f]{64}$"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SingularValues(_Part):
    """`largest` descending, at most 20. The histogram is of log10 σ², of all of them."""

    method: str = Field(description='"all" or "largest": whether every one is known')
    count: int = Field(description="how many the matrix has")
    largest: list[float]
    edges: list[float] = Field(
        default_factory=list[float], description="bins of log10 σ², one more than counts"
    )
    counts: list[int] = []
    residual: float = Field(0.0, description="of the largest ones, relative to σ₁²; 0 for all")


class PowerLawFit(_Part):
    """p(σ²) ∝ (σ²)^−α for σ² ≥ smallest (Clauset, Shalizi & Newman 2009)."""

    alpha: float
    error: float = Field(description="standard error of alpha")
    smallest: float
    tail: int = Field(description="singular values in the tail")
    distance: float = Field(description="Kolmogorov–Smirnov distance of tail and law")
    p_value: float = Field(description="of the bootstrap; at most 0.1 rules the law out")


class RandomMatrix(_Part):
    """Marchenko–Pastur of the same median: σ of an entry, edges as singular values."""

    sigma: float
    lower: float
    edge: float = Field(description="99 % of random matrices have no singular value beyond it")
    spikes: int = Field(description="singular values beyond the edge")


class WeightUnits(_Part):
    """Rows of the weight are units of its layer, columns its inputs; from 0, at most 20 of each."""

    dead: int
    unread: int
    copies: int
    dead_units: list[int] = []
    unread_inputs: list[int] = []
    copied_units: list[int] = []


class WeightChange(_Part):
    """From the other checkpoint's tensor of this name."""

    distance: float
    relative: float | None
    cosine: float | None
    rank: int | None = Field(description="singular values of the change above its rounding")
    rank_at_least: bool = False


class WeightRow(_Part):
    """One tensor. A column that is None was not computed: `notes` say why."""

    name: str
    shape: list[int]
    dtype: str
    parameters: int
    norm: float
    largest: float = Field(description="largest |w|")
    nan: int = 0
    infinite: int = 0
    huge: int = Field(0, description="numbers beyond 100 times the root mean square")
    constant: float | None = Field(None, description="the value of all its numbers, if it is one")
    matrix: list[int] | None = None
    spectral_norm: float | None = None
    stable_rank: float | None = Field(None, description="‖W‖²_F / σ₁²")
    singular_values: SingularValues | None = None
    power_law: PowerLawFit | None = None
    random_matrix: RandomMatrix | None = None
    units: WeightUnits | None = None
    drawn_as: str | None = Field(None, description="the initialisation it looks untouched from")
    same_as: str | None = Field(None, description="an earlier tensor with the same numbers")
    change: WeightChange | None = None
    digest: str = Field("", description="of shape, dtype and numbers")
    notes: list[str] = []


class WeightReport(_Part):
    """`findings` are sentences; where one is a judgement, it says how often that is right."""

    format: str
    name: str = ""
    parameters: int
    rows: list[WeightRow]
    findings: list[str] = []
    warnings: list[str] = []
    against: str | None = Field(None, description="name of the other checkpoint")
    all_up_to: int = Field(description="shorter sides up to it have all singular values")


class WeightsRequest(BaseModel):
    """What `POST /weights` takes: an uploaded checkpoint, and one to compare it with."""

    model_config = ConfigDict(extra="forbid")

    checkpoint: str = Field(pattern=SHA256)
    against: str | None = Field(None, pattern=SHA256)
