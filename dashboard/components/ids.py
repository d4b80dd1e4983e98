"""Ids of what Python lays out and the browser's modules find: said here, generated for them.

`python -m dashboard.browser_constants` writes them into `browser/contract.mjs`.
"""

from __future__ import annotations

from typing import Any

# every page
HERE = "here"
ANNOUNCE = "announce"
HELP = "help"
HELP_OPEN = "help-open"
HELP_CLOSE = "help-close"
THEME_TOGGLE = "theme-toggle"
PALETTE = "palette"
PALETTE_OPEN = "palette-open"
PALETTE_FIELD = "palette-field"
PALETTE_FOUND = "palette-found"
# the list
FILTER = "filter"
LISTING = "listing"
COMPARE_BUTTON = "compare-button"
LISTING_TICK = "listing-tick"
NOTHING_FOUND = "nothing-found"
STORY = "story"
STORY_SLIDER = "story-slider"
STORY_SAID = "story-said"
STORY_WALK = "story-walk"
DESCRIBE = "describe"
DESCRIBE_FIELDS = "describe-fields"
DESCRIBE_PROBLEM = "describe-problem"
DESCRIBE_SAVE = "describe-save"
DESCRIBE_CLOSE = "describe-close"
# one job
JOB = "job"
JOB_LIVE = "job-live"
JOB_PLACEHOLDER = "job-placeholder"
JOB_RESULTS = "job-results"
JOB_CANCEL = "job-cancel"
JOB_RETRY = "job-retry"
JOB_LOG = "job-log"
FIRST_LOOK = "first-look"
# the upload page
UP_FAMILY = "up-family"
UP_ACTIVATION = "up-activation"
UP_SEQUENTIAL = "up-sequential"
UP_LABEL = "up-label"
UP_RESIZE = "up-resize"
UP_STAGES = "up-stages"
UP_LOSS = "up-loss"
UP_LOSS_MORE = "up-loss-more"
UP_OPTIMIZER = "up-optimizer"
UP_ABOUT = "up-about"
UP_PROBLEM = "up-problem"
UP_STATE = "up-state"
UP_MORE = "up-more"
UP_READ = "up-read"
UP_BUDGET = "up-budget"
UP_BUDGET_SAID = "up-budget-said"
WEIGHT_LAYER = "weight-layer"
WEIGHTS_PANEL = "weights-panel"
# plots: each has a frame `…-frame` and a table `…-table`
BOUNDARY = "boundary"
SPECTRUM = "spectrum"
GAP = "gap"
FILMSTRIP = "filmstrip"
DETAIL = "detail"
SCATTER = "scatter"
PARALLEL = "parallel"
LINE = "line"
GRID = "grid"
WEIGHTS = "weights"
RUN_MEASURES = "run-measures"
FILM = "film"
FILM_AGAINST = "film-against"
# one analysis
POLISH = "polish"
ANALYSIS_PROBLEM = "analysis-problem"
POINT_READOUT = "point-readout"
MARGINS_SWITCH = "margins-switch"
SIGN_SWITCH = "sign-switch"
LOG_SWITCH = "log-switch"
LINEAR_SWITCH = "linear-switch"
LAMBDA_SLIDER = "lambda-slider"
LAMBDA_READOUT = "lambda-readout"
THRESHOLD_SLIDER = "threshold-slider"
THRESHOLD_READOUT = "threshold-readout"
COUNT_LOW = "count-low"
COUNT_HIGH = "count-high"
COUNT_READOUT = "count-readout"
WALK_SLIDER = "walk-slider"
WALK_READOUT = "walk-readout"
WALK_NOTE = "walk-note"
DATA_POINTS = "data-points"
CROSSINGS = "crossings"
PLANE_MENU = "plane-menu"
PLANE_NOTE = "plane-note"
PLANE_ROWS = "plane-rows"
PLANE_ROWS_FIELD = "plane-rows-field"
PLANE_DRAW = "plane-draw"
PLANE_ASK = "plane-ask"
FIELD_MENU = "field-menu"
COLOUR_MENU = "colour-menu"
# compared minima
DIFFERENCES = "differences"
COMPARISON_NAME = "comparison-name"
COMPARISON_SAVE = "comparison-save"
COMPARISONS = "comparisons"
COMPARE_NUMBERS = "compare-numbers"
COMPARE_X = "compare-x"
COMPARE_Y = "compare-y"
COMPARE_LAMBDA = "compare-lambda"
COMPARE_LAMBDA_SAID = "compare-lambda-said"
COMPARE_THRESHOLD = "compare-threshold"
COMPARE_THRESHOLD_SAID = "compare-threshold-said"
COMPARE_EPSILON = "compare-epsilon"
COMPARE_EPSILON_SAID = "compare-epsilon-said"
LINE_PANEL = "line-panel"
# a run
FILM_SLIDER = "film-slider"
FILM_READOUT = "film-readout"
LINE_ALPHA = "line-alpha"
LINE_READOUT = "line-readout"
LINE_ALONG = "line-along"
LINE_WANTED = "line-wanted"


def drop(zone: str) -> str:
    """Where a file is dropped: `checkpoint`, `train`, `test` or `optimizer_state`."""
    return f"drop-{zone}"


def uploaded(zone: str) -> str:
    """The store of what was uploaded there."""
    return f"upload-{zone}"


def found(zone: str) -> str:
    """What the inspection found in it."""
    return f"found-{zone}"


def analyse_so(place: object) -> dict[str, Any]:
    """The button under a finding of the analysis page; `ALL` for every one."""
    return {"type": "analyse-so", "place": place}


def menu(select: str) -> str:
    """The native select whose choice the store `select` keeps."""
    return f"{select}-menu"


def frame(plot: str) -> str:
    """Around a plot: takes the height its figure asks for."""
    return f"{plot}-frame"


def table(plot: str) -> str:
    """What a plot shows, as a table."""
    return f"{plot}-table"


def tab(name: str) -> str:
    """The button of a tab of the analysis page."""
    return f"tab-{name}"


def group(name: str) -> str:
    """The button of a group of tabs."""
    return f"group-{name}"


def side(name: str) -> str:
    """The words and tables of a tab."""
    return f"side-{name}"


def words(name: str) -> str:
    """The field of a tab that names the layers to show."""
    return f"{name}-words"


FAMILIES = (drop, uploaded, found, menu, frame, table, tab, group, side, words)


def named() -> dict[str, str]:
    """Every single id by its name."""
    return {name: v for name, v in globals().items() if name.isupper() and isinstance(v, str)}
