// Written by `python -m dashboard.browser_constants`, which says where from: do not edit.

// Ids that Python lays out.
export const ID = /** @type {const} */ ({
  HERE: "here",
  ANNOUNCE: "announce",
  HELP: "help",
  HELP_OPEN: "help-open",
  HELP_CLOSE: "help-close",
  THEME_TOGGLE: "theme-toggle",
  PALETTE: "palette",
  PALETTE_OPEN: "palette-open",
  PALETTE_FIELD: "palette-field",
  PALETTE_FOUND: "palette-found",
  FILTER: "filter",
  LISTING: "listing",
  COMPARE_BUTTON: "compare-button",
  LISTING_TICK: "listing-tick",
  NOTHING_FOUND: "nothing-found",
  STORY: "story",
  STORY_SLIDER: "story-slider",
  STORY_SAID: "story-said",
  STORY_WALK: "story-walk",
  DESCRIBE: "describe",
  DESCRIBE_FIELDS: "describe-fields",
  DESCRIBE_PROBLEM: "describe-problem",
  DESCRIBE_SAVE: "describe-save",
  DESCRIBE_CLOSE: "describe-close",
  JOB: "job",
  JOB_LIVE: "job-live",
  JOB_PLACEHOLDER: "job-placeholder",
  JOB_RESULTS: "job-results",
  JOB_CANCEL: "job-cancel",
  JOB_RETRY: "job-retry",
  JOB_LOG: "job-log",
  FIRST_LOOK: "first-look",
  UP_FAMILY: "up-family",
  UP_ACTIVATION: "up-activation",
  UP_SEQUENTIAL: "up-sequential",
  UP_LABEL: "up-label",
  UP_RESIZE: "up-resize",
  UP_STAGES: "up-stages",
  UP_LOSS: "up-loss",
  UP_LOSS_MORE: "up-loss-more",
  UP_OPTIMIZER: "up-optimizer",
  UP_ABOUT: "up-about",
  UP_PROBLEM: "up-problem",
  UP_STATE: "up-state",
  UP_MORE: "up-more",
  UP_READ: "up-read",
  UP_BUDGET: "up-budget",
  UP_BUDGET_SAID: "up-budget-said",
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
  POLISH: "polish",
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
  CROSSINGS: "crossings",
  PLANE_MENU: "plane-menu",
  PLANE_NOTE: "plane-note",
  PLANE_ROWS: "plane-rows",
  PLANE_ROWS_FIELD: "plane-rows-field",
  PLANE_DRAW: "plane-draw",
  PLANE_ASK: "plane-ask",
  FIELD_MENU: "field-menu",
  COLOUR_MENU: "colour-menu",
  DIFFERENCES: "differences",
  COMPARISON_NAME: "comparison-name",
  COMPARISON_SAVE: "comparison-save",
  COMPARISONS: "comparisons",
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
  LINE_ALPHA: "line-alpha",
  LINE_READOUT: "line-readout",
  LINE_ALONG: "line-along",
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
  group: "group-{}",
  side: "side-{}",
  words: "{}-words",
});

// What Dash calls.
export const CALLBACKS = /** @type {const} */ ([
  "analysis_begins",
  "go_on",
  "plane_arrived",
  "compare_drawn",
  "compare_grid",
  "compare_saved",
  "compare_address",
  "line_near",
  "line_drawn",
  "run_drawn",
  "film_drawn",
  "job_follow",
  "list_arrived",
  "story_begins",
  "upload_next_step",
  "upload_family",
  "upload_told",
  "upload_budget",
  "form_changed",
  "refusal_placed",
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
  SURFACE: "surface",
  SURFACE_LINES: "surface_lines",
  SURFACE_MARK: "surface_mark",
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
  TOKENS: "tokens",
  POSITIONS: "positions",
  FLIPS: "flips",
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

// Which files of a folder count.
export const FOLDER = /** @type {const} */ ({
  WEIGHTS: [".safetensors", ".bin"],
  WHOLE: [".ckpt", ".pt", ".pth", ".pt2"],
  TOLD: [".json"],
  TRAINER: ["optimizer.pt", "scheduler.pt", "training_args.bin"],
  TABLE: ".metadata",
  SHARD: ".distcp",
  STATES: ["_optim_states.pt", "_model_states.pt"],
  LATEST: "latest",
  DATA: [".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".ppm", ".pgm", ".tif", ".tiff", ".csv", ".tsv", ".parquet", ".arrow", ".npz"],
});

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
  surface: "Mean training and test loss over the plane of the first two eigenvectors.",
  complexity: "Share of eigenvectors aligned above epsilon, over epsilon.",
  margins: "Distances of training points to the decision boundary, each with its lower bound.",
  calibration: "Accuracy against confidence, on training and leave-one-out predictions.",
  layers: "Share of each eigenvector in each layer.",
  blocks: "Largest eigenvalues of the Hessian's diagonal block of each layer, with its trace.",
  data: "Leave-one-out loss against training loss, one marker a training point.",
  tokens: "Tokens of the dearest training sequences, coloured by their loss.",
  token_pull: "The same tokens, coloured by how fast their loss rises along the eigenvector.",
  token_flips: "Share of next tokens that change, over the step along each eigenvector.",
  positions: "Mean loss of each position in the sequence, with standard errors.",
  sequences: "Training sequences in two principal directions of their hidden states.",
});

// Groups of tabs, and the tabs of each.
export const GROUPS = /** @type {const} */ ({
  boundary: ["overlaps", "token_flips", "token_pull", "walk", "surface", "complexity", "margins"],
  curvature: ["layers", "blocks"],
  gap: ["estimates", "calibration"],
  data: ["tokens", "data", "positions", "sequences", "coherence"],
});

// What terms mean.
export const GLOSSARY = /** @type {const} */ ({
  minimum: ["minimum", "The weights at which a training ended; an analysis is one look at one minimum."],
  gap: ["generalization gap", "How far the mean loss on new examples lies above that on the training examples. Unit: nats. Better: smaller."],
  nats: ["nats", "The unit of loss with natural logarithms: 0.1 nats more means that the probability given to the right class is about 10 % smaller on average."],
  perplexity: ["perplexity", "exp of the mean loss a token: among how many equally likely tokens a language model is as unsure. Unit: tokens. Better: smaller, on new text."],
  interval: ["50% and 90% interval", "Where the gap lies with that probability, as counted on networks whose gap was measured. Unit: nats. Better: narrower."],
  measured: ["measured gap", "Loss on the test set minus loss on the training set, with its standard error. Unit: nats. Better: smaller."],
  eigenvalue: ["eigenvalue of the Hessian", "The curvature of the training loss along one direction of weight space. Unit: nats per squared weight. Better: smaller is flatter, which alone does not mean better."],
  lambda_1: ["λ₁, largest curvature", "The eigenvalue along the sharpest direction of the training loss. Unit: nats per squared weight. Better: none: sharper minima can generalize better."],
  outlier: ["outlier", "An eigenvalue that stands apart from the bulk: here one above a tenth of λ₁."],
  soft_rank: ["soft rank", "How many directions of weight space the data fix against the weight decay: the effective number of parameters. Unit: directions. Better: fewer, at equal training loss."],
  lambda: ["λ", "How strongly the training pulled the weights towards zero, by weight decay or by stopping early. Unit: nats per squared weight."],
  leave_one_out: ["leave-one-out", "The loss of an example if it had been left out of the training, computed from curvature without training again (ALO). Unit: nats. Better: smaller."],
  tic: ["TIC", "Takeuchi's information criterion: an estimate of the gap from gradients and curvature. Unit: nats. Better: smaller."],
  temperature: ["temperature held out", "What the outputs of left-out examples should be divided by for the least loss: above 1 the network is too sure of itself. Unit: none. Better: 1."],
  calibration: ["calibration error", "How far the stated confidence is from the share of right answers, on average. Unit: share. Better: 0."],
  margin: ["margin", "How far an example must move until the network gives it another class; a crossing found is an upper bound. Unit: units of the inputs. Better: larger."],
  alignment: ["alignment", "How the loss of an input reacts when the weights move along an eigenvector: the cosine of its gradient with it. Unit: −1 to 1."],
  drawn: ["share drawn", "The share of the drawn boundary at which this eigenvector's alignment changes sign most. Unit: %."],
  g: ["G(ε)", "The share of eigenvectors that some training example aligns with above ε. Unit: share. Better: smaller, at one ε for all."],
  n90: ["n₉₀, directions of the boundary", "How many eigenvectors hold nine tenths of the alignment of all training examples. Unit: directions. Better: fewer, among minima of one data set."],
  hessian: ["Hessian", "The matrix of second derivatives of the mean training loss by the weights."],
  ggn: ["GGN", "The Gauss–Newton part of the Hessian: what is left of it where the outputs are taken as linear in the weights."],
  trace: ["trace", "The sum of all eigenvalues: the total curvature. Unit: nats per squared weight."],
  residual: ["residual", "How far a computed eigenpair is from exact, as a share of the largest eigenvalue. Unit: share. Better: smaller."],
  leverage: ["leverage", "How far a training example pulls the prediction at its own place. Unit: 0 to 1. Better: smaller."],
  barrier: ["barrier", "How high the training loss rises above the straight line between two minima's losses. Unit: nats. Better: lower."],
  verdict: ["verdict", "Whether the estimate may be relied on: reliable, uncertain, or no estimate at all."],
  tau: ["Kendall's τ", "How far two measures rank the minima alike: 1 the same order, −1 the opposite one. Unit: −1 to 1."],
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

// Fields of the upload page in the order that Dash tells them, after the zones.
export const FORM = /** @type {const} */ ([
  "up-name",
  "up-family",
  "up-activation",
  "up-sequential",
  "up-loss",
  "up-optimizer",
  "up-label",
  "up-resize",
  "up-top-k",
  "up-examples",
  "up-budget",
  "up-seconds",
  "up-lambdas",
  "up-seed",
  "up-dtype",
  "up-stages",
  "up-label-smoothing",
  "up-class-weights",
  "up-ignore-index",
  "up-pos-weight",
  "up-example-weights",
  "up-link",
  "up-lr",
  "up-steps",
  "up-momentum",
  "up-schedule",
  "up-lr-sum",
  "up-betas",
  "up-batch-size",
  "up-weight-decay",
  "up-decay-on",
  "up-decay-table",
  "up-trainable",
  "up-augmentation",
  "up-dropout",
  "up-groups",
]);

// What each budget of time means.
export const BUDGETS = /** @type {const} */ ({
  quick: "60 s: first numbers from a sample, each with its error, then what fits.",
  normal: "5 min at most. What takes no longer is computed in full; of the rest what fits, and what was left out is said.",
  everything: "All that is asked for, however long it takes.",
  other: "Seconds of your own: first numbers from a sample, then what fits.",
});

// Seconds of a quick look.
export const QUICK = 60.0;

// What is said of each optimiser.
export const OPTIMIZERS = /** @type {const} */ ({
  "": "Without it, weight decay alone can say how strong the pull was.",
  sgd: "Rate, steps and momentum say how long it trained; at a minimum they do not count.",
  adam: "Its second moments are read from the file, or estimated from gradients.",
  adamw: "Its second moments are read from the file, or estimated from gradients.",
  lbfgs: "It ends at a minimum: weight decay says all.",
  other: "How it weighs directions is not known: away from a minimum there is no estimate.",
});

// Colour and shape of each class; they repeat.
export const CLASSES = /** @type {const} */ ([
  ["#4477AA", "circle"],
  ["#228833", "square"],
  ["#CCBB44", "diamond"],
  ["#66CCEE", "triangle-up"],
  ["#AA3377", "cross"],
  ["#5A3A22", "x"],
  ["#C8E89A", "star"],
  ["#3B3F8F", "triangle-down"],
  ["#B4B9C2", "pentagon"],
  ["#1B1F55", "hourglass"],
]);

// A strip of tiles: pixels of a caption, gap, least and most height.
export const STRIP = /** @type {const} */ ({
  gap: 0.012,
  caption: 30,
  shapes: [0.6, 1.4],
});
