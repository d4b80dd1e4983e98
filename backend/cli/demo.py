"""`minimascope demo`: the shipped minima, done analyses to look at, in this service."""

from __future__ import annotations

from backend.analyses.demo import demo_folder, load_demo
from backend.storage.opened import opened
from minimascope.cli.terminal import AsJson, answer
from minimascope.contract.problems import ProblemError
from minimascope.contract.settings import Settings


def command(as_json: AsJson = False) -> None:
    """Load the shipped minima, beside a running server too, and print their ids.

    Nothing is loaded twice.
    """
    settings = Settings()
    folder = demo_folder(settings)
    with opened(settings) as (engine, store):
        loaded = load_demo(engine, store, folder)
    if not loaded:
        sentence = f"There are no demo minima in {str(folder)!r}."
        raise ProblemError("no_demo", sentence, "Set MINIMASCOPE_DEMO_DIR.")
    answer(as_json, {"analyses": loaded}, "\n".join(loaded))
