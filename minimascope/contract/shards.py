"""What a job that is one part of an analysis carries."""

from __future__ import annotations

from typing import Any

from minimascope.contract.schemas import Document


class ShardQuestion(Document):
    """Part `index` of a stage of `analysis`; `question` says which, in that stage's own words."""

    analysis: str
    stage: str
    index: int
    question: dict[str, Any]
