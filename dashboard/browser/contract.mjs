// Written by `python -m dashboard.browser_constants`, which says where from: do not edit.

// Ids that Python lays out.
export const ID = /** @type {const} */ ({
  HERE: "here",
  ANNOUNCE: "announce",
  HELP: "help",
  HELP_OPEN: "help-open",
  HELP_CLOSE: "help-close",
  THEME_TOGGLE: "theme-toggle",
  FILTER: "filter",
  LISTING: "listing",
  COMPARE_BUTTON: "compare-button",
  JOB: "job",
  JOB_LIVE: "job-live",
  JOB_PLACEHOLDER: "job-placeholder",
  JOB_RESULTS: "job-results",
  JOB_CANCEL: "job-cancel",
  JOB_RETRY: "job-retry",
  JOB_LOG: "job-log",
  UP_FAMILY: "up-family",
  UP_ACTIVATION: "up-activation",
  UP_SEQUENTIAL: "up-sequential",
  UP_LABEL: "up-label",
  UP_STAGES: "up-stages",
  UP_LOSS: "up-loss",
  UP_LOSS_MORE: "up-loss-more",
  UP_OPTIMIZER: "up-optimizer",
  UP_ABOUT: "up-about",
  UP_STATE: "up-state",
  UP_MORE: "up-more",
  UP_READ: "up-read",
  WEIGHT_LAYER: "weight-layer",
  WEIGHTS_PANEL: "weights-panel",
  BOUNDARY: "boundary",
  SPECTRUM: "spectrum",
  GAP: "gap",
  FILMSTRIP: "filmstrip",
  DETAIL: "detail",
  SCATTER: "scatter",
  PARALLEL: "parallel",
  LINE: "line",
  GRID: "grid",
  WEIGHTS: "weights",
  RUN_MEASURES: "run-measures",
  FILM: "film",
  FILM_AGAINST: "film-against",
  ANALYSIS_PROBLEM: "analysis-problem",
  POINT_READOUT: "point-readout",
  MARGINS_SWITCH: "margins-switch",
  SIGN_SWITCH: "sign-switch",
  LOG_SWITCH: "log-switch",
  LINEAR_SWITCH: "linear-switch",
  LAMBDA_SLIDER: "lambda-slider",
  LAMBDA_READOUT: "lambda-readout",
  THRESHOLD_SLIDER: "threshold-slider",
  THRESHOLD_READOUT: "threshold-readout",
  COUNT_LOW: "count-low",
  COUNT_HIGH: "count-high",
  COUNT_READOUT: "count-readout",
  WALK_SLIDER: "walk-slider",
  WALK_READOUT: "walk-readout",
  WALK_NOTE: "walk-note",
  DATA_POINTS: "data-points",
  PLANE_MENU: "plane-menu",
  PLANE_NOTE: "plane-note",
  PLANE_ROWS: "plane-rows",
  PLANE_ROWS_FIELD: "plane-rows-field",
  PLANE_DRAW: "plane-draw",
  PLANE_ASK: "plane-ask",
  FIELD_MENU: "field-menu",
  COLOUR_MENU: "colour-menu",
  DIFFERENCES: "differences",
  COMPARE_NUMBERS: "compare-numbers",
  COMPARE_X: "compare-x",
  COMPARE_Y: "compare-y",
  COMPARE_LAMBDA: "compare-lambda",
  COMPARE_LAMBDA_SAID: "compare-lambda-said",
  COMPARE_THRESHOLD: "compare-threshold",
  COMPARE_THRESHOLD_SAID: "compare-threshold-said",
  COMPARE_EPSILON: "compare-epsilon",
  COMPARE_EPSILON_SAID: "compare-epsilon-said",
  LINE_PANEL: "line-panel",
  FILM_SLIDER: "film-slider",
  FILM_READOUT: "film-readout",
  LINE_WANTED: "line-wanted",
});

// Ids of a family, by the name that stands in place of {}.
export const ID_OF = /** @type {const} */ ({
  drop: "drop-{}",
  uploaded: "upload-{}",
  found: "found-{}",
  menu: "{}-menu",
  frame: "{}-frame",
  table: "{}-table",
  tab: "tab-{}",
  side: "side-{}",
  words: "{}-words",
});

// What Dash calls.
export const CALLBACKS = /** @type {const} */ ([
  "analysis_begins",
  "plane_arrived",
  "compare_drawn",
  "compare_grid",
  "compare_address",
  "line_near",
  "line_drawn",
  "run_drawn",
  "film_drawn",
  "job_follow",
  "list_arrived",
  "upload_next_step",
  "upload_family",
  "upload_told",
  "candidate_chosen",
  "weights_drawn",
]);

// What a trace is, in `meta.role`.
export const ROLE = /** @type {const} */ ({
  ALIGNMENT: "alignment",
  REGIONS: "regions",
  LOGIT_GAP: "logit_gap",
  BOUNDARY: "boundary",
  EXPLAINED: "explained",
  POINTS: "points",
  CORNERS: "corners",
  MARGINS: "margins",
  MARGIN_CASING: "margin_casing",
  WALK: "walk",
  WALKED_REGIONS: "walked_regions",
  WALKED_BOUNDARY: "walked_boundary",
  DENSITY: "density",
  STEMS: "stems",
  EIGENVALUES: "eigenvalues",
  ON_ALL: "on_all",
  CURVE: "curve",
  MEASURED: "measured",
  FOLDS: "folds",
  HEADLINE: "headline",
  POINT_LINES: "point_lines",
  CLASS_MEAN: "class_mean",
  COHERENCE: "coherence",
  MARGIN_BRACKETS: "margin_brackets",
  MARGIN_SHARES: "margin_shares",
  MARGIN_ESTIMATES: "margin_estimates",
  CALIBRATION: "calibration",
  LAYER_MASS: "layer_mass",
  BLOCK_EIGENVALUES: "block_eigenvalues",
  BLOCK_TRACES: "block_traces",
  COMPLEXITY: "complexity",
  CHOSEN_EPSILON: "chosen_epsilon",
  SINGULAR_VALUES: "singular_values",
  RANDOM_MATRIX: "random_matrix",
  RANDOM_EDGE: "random_edge",
  POWER_LAW: "power_law",
  BAND: "band",
  DIAGONAL: "diagonal",
  MINIMUM: "minimum",
  LINE: "line",
  TRACKED: "tracked",
  LIMIT: "limit",
});

// Roles that exports leave out.
export const UNSAID = /** @type {const} */ ([
  "band",
  "margin_casing",
]);

// States of an analysis in words.
export const STATES = /** @type {const} */ ({
  queued: "waiting for a worker",
  running: "running",
  done: "done",
  failed: "failed",
  cancelled: "cancelled",
});

// Those that no longer change.
export const FINAL_STATES = /** @type {const} */ ([
  "done",
  "failed",
  "cancelled",
]);

// Stages in words.
export const STAGES = /** @type {const} */ ({
  spectrum: "Top eigenpairs of the Hessian",
  density: "Spectral density",
  gap: "Generalization gap over λ",
  boundary: "Alignment and decision boundary",
  margins: "Margins",
});

// Stages that need the spectrum.
export const NEEDS_SPECTRUM = /** @type {const} */ ([
  "boundary",
  "density",
  "margins",
]);

// Names in an analysis's event stream.
export const EVENTS = /** @type {const} */ ([
  "snapshot",
  "progress",
  "stage",
  "state",
  "silent",
  "problem",
]);

// Of a job whose workers are lost.
export const MAX_ATTEMPTS = 3;

// How long the server keeps an unfinished transfer.
export const TRANSFER_SECONDS = 86400.0;

// Estimates over λ in words.
export const CURVES = /** @type {const} */ ({
  alo_ggn: "ALO",
  soft_rank_ggn: "soft rank / n",
  tic_ggn: "TIC",
});

// What is known of every training point.
export const RECORD = /** @type {const} */ ([
  "labels",
  "predictions",
  "train_loss",
  "alo_loss",
  "margins",
]);

// Figures of the tabs, in words.
export const TAB_LABELS = /** @type {const} */ ({
  overlaps: "Alignment of every training point with each eigenvector, with class means.",
  coherence: "Cosines between the gradients of pairs of training points, sorted by class.",
  walk: "Decision boundary, training loss and accuracy on a walk along the eigenvector.",
  complexity: "Share of eigenvectors aligned above epsilon, over epsilon.",
  margins: "Distances of training points to the decision boundary, each with its lower bound.",
  calibration: "Accuracy against confidence, on training and leave-one-out predictions.",
  layers: "Share of each eigenvector in each layer.",
  blocks: "Largest eigenvalues of the Hessian's diagonal block of each layer, with its trace.",
  data: "Leave-one-out loss against training loss, one marker a training point.",
});

// A plane that is computed, as a regular expression.
export const PLANE_KEY = "points:\\d+,\\d+,\\d+|extremes:\\d+|principal:\\d+,\\d+";

// How many numbers a person types for a plane.
export const PLANE_TYPED = /** @type {const} */ ({
  points: 3,
  principal: 2,
});

// Begins the name of a figure of points without a plane.
export const EMBEDDING = "embedding_";

// An alignment of 1 as the maps hold it.
export const ALIGNMENT_SCALE = 127;

// Losses below are drawn here.
export const LEAST_LOSS = 1e-08;

// Fields of the upload page: losses and optimisers they count for.
export const TOLD = /** @type {const} */ ({
  "up-label-smoothing": [["cross_entropy"], null],
  "up-class-weights": [["cross_entropy"], null],
  "up-ignore-index": [["cross_entropy"], null],
  "up-pos-weight": [["binary", "multilabel"], null],
  "up-example-weights": [null, null],
  "up-link": [["cross_entropy", "binary", "multilabel"], null],
  "up-lr": [null, ["sgd", "adam", "adamw"]],
  "up-steps": [null, ["sgd", "adam", "adamw"]],
  "up-momentum": [null, ["sgd"]],
  "up-schedule": [null, ["sgd", "adam", "adamw"]],
  "up-lr-sum": [null, ["sgd", "adam", "adamw"]],
  "up-betas": [null, ["adam", "adamw"]],
  "up-batch-size": [null, ["adam", "adamw"]],
  "up-weight-decay": [null, null],
  "up-decay-on": [null, null],
  "up-decay-table": [null, null],
  "up-trainable": [null, null],
  "up-augmentation": [null, null],
  "up-dropout": [null, null],
  "up-groups": [null, null],
});

// Those that are menus.
export const TOLD_MENUS = /** @type {const} */ ([
  "up-link",
  "up-schedule",
  "up-augmentation",
  "up-dropout",
]);

// What is said of each optimiser.
export const OPTIMIZERS = /** @type {const} */ ({
  "": "Without it, weight decay alone can say how strong the pull was.",
  sgd: "Rate, steps and momentum say how long it trained; at a minimum they do not count.",
  adam: "Its second moments are read from the file, or estimated from gradients.",
  adamw: "Its second moments are read from the file, or estimated from gradients.",
  lbfgs: "It ends at a minimum: weight decay says all.",
  other: "How it weighs directions is not known: away from a minimum there is no estimate.",
});

// A strip of tiles: pixels of a caption, gap, least and most height.
export const STRIP = /** @type {const} */ ({
  gap: 0.012,
  caption: 30,
  shapes: [0.6, 1.4],
});
