"""Questions about an analysis: what makes two of them the same."""

from __future__ import annotations

import pytest

from minimascope.contract.questions.interpolations import Interpolation, InterpolationRequest
from minimascope.contract.questions.question import AnswerDocument, Question
from minimascope.contract.questions.slices import Slice, SliceRequest

LINE, PLANE = InterpolationRequest(other="b"), SliceRequest(plane="points", points=(0, 1, 2))
PAIRS: list[tuple[Question, type[AnswerDocument]]] = [(LINE, Interpolation), (PLANE, Slice)]


@pytest.mark.parametrize(("question", "answer"), PAIRS)
def test_a_question_and_its_answer_are_of_one_kind(
    question: Question, answer: type[AnswerDocument]
) -> None:
    assert question.kind == answer.kind
    assert answer.model_fields["request"].annotation is type(question)


@pytest.mark.parametrize(("question", "answer"), PAIRS)
def test_the_id_follows_from_question_and_analysis(
    question: Question, answer: type[AnswerDocument]
) -> None:
    again = type(question).model_validate_json(question.model_dump_json())
    assert again.identifier("a") == question.identifier("a") != question.identifier("c")


def test_fields_that_a_plane_does_not_read_do_not_make_it_another_question() -> None:
    assert PLANE.model_copy(update={"vector": 2}).identifier("a") == PLANE.identifier("a")
    assert PLANE.model_copy(update={"points": (0, 1, 3)}).identifier("a") != PLANE.identifier("a")
