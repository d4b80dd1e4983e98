"""A finding of the objective is analysed with one press."""

from __future__ import annotations

from typing import Any

import httpx
from playwright.sync_api import Page, expect

from minimascope.contract.report import Finding, ObjectiveSummary
from tests.browser.axe import violations
from tests.cases.reference_report import Found
from tests.servers.recorded import Recorded

SENTENCE = (
    "These weights are at the exact minimum of cross-entropy with label smoothing 0.1 and weight "
    "decay 0.002 on matrices only: did you train so?"
)
FLAGS: dict[str, Any] = {"label_smoothing": 0.1, "weight_decay": 0.002, "decay_on": "matrices"}


def test_a_press_analyses_the_same_files_as_the_finding_says(
    page: Page, address: str, recorded: Recorded, gauss: Found
) -> None:
    findings = [Finding(sentence=SENTENCE, flags=FLAGS), Finding(sentence="Scale the inputs.")]
    report = gauss[0].model_copy(deep=True)
    report.objective = ObjectiveSummary(findings=findings)
    identifier = "50".ljust(32, "0")
    told = {"decay_table": {"*": 0.1}, "top_k": 7}
    recorded.done(identifier, "Smoothed", (report, gauss[1]), **told)
    page.goto(f"/analyses/{identifier}")
    expect(page.locator(".finding")).to_have_count(2)
    button = page.get_by_role("button", name="Analyse so")
    expect(button).to_have_count(1)
    assert violations(page) == []
    button.click()
    page.wait_for_url("**/jobs/*")
    made = httpx.get(f"{address}/api/v1/analyses/{page.url.split('/jobs/')[1]}").json()
    before = httpx.get(f"{address}/api/v1/analyses/{identifier}").json()
    assert made["name"] == "Smoothed, as its weights say"
    assert [made[k] for k in ("checkpoint", "train")] == [
        before[k] for k in ("checkpoint", "train")
    ]
    changed = {**before["parameters"], **FLAGS, "decay_table": None}
    assert made["parameters"] == changed
