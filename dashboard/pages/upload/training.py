"""How the network was trained: what the files say of it, the optimiser first, then what counts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dash import html

from dashboard.components import ids
from dashboard.components.drop_zone import CHECKPOINTS, described, drop_zone
from dashboard.pages.upload import told_fields
from dashboard.pages.upload.parts import chosen, field, folded, group, text
from dashboard.pages.upload.told_fields import MORE, OF_LOSS, OF_OPTIMIZER, OF_PENALTY, Field


def control(each: Field) -> html.Div:
    """A field as it is first: for cross-entropy, and no optimiser said."""
    gone = not each.counts("cross_entropy", "")
    if each.kind == "choice":
        return chosen(each.words, each.id, each.options or {}, each.help, gone=gone)
    return field(each.words, text(each.id, placeholder=each.example), each.help, gone=gone)


def _controls(fields: Iterable[Field]) -> html.Div:
    return html.Div([control(each) for each in fields], className="fields fields-three")


def loss_options() -> html.Details:
    """Label smoothing, weights, what the outputs are."""
    return folded("More about the loss", ids.UP_LOSS_MORE, _controls(OF_LOSS))


def training() -> list[Any]:
    """The whole step."""
    state = drop_zone(
        "optimizer_state",
        "Optimiser state, optional",
        "optimizer.state_dict() of torch.save, where the checkpoint lacks it",
        CHECKPOINTS.replace(" ", ""),
    )
    zone = described("optimizer_state", state)
    state_field = html.Div(zone, className="field wide", id=ids.UP_STATE)
    optimizer = group("Optimiser", ids.UP_OPTIMIZER, told_fields.OPTIMIZERS, "")
    about = html.P(
        told_fields.ABOUT[""], className="hint field wide", id=ids.UP_ABOUT, role="status"
    )
    more = folded("Frozen parameters, augmentation, dropout", ids.UP_MORE, _controls(MORE))
    counted = [control(each) for each in (*OF_OPTIMIZER, *OF_PENALTY)]
    return [
        html.Div(className="notice gone", id=ids.UP_READ, role="status"),
        html.Div([optimizer, about], className="fields"),
        html.Div(counted, className="fields fields-three"),
        html.Div(state_field, className="fields"),
        html.Div(more, className="fields"),
    ]
