"""Every code of a refusal, once: what it means, its HTTP status, what to do about it.

docs/problems.md is made of this table: see `minimascope.contract.problem_page`.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

TITLES = {460: "Checksum Mismatch"}  # tus' own status


@dataclass(frozen=True)
class Problem:
    """One row. `advice` is said where the place that refuses has none of its own.

    `others` are statuses that the place may decide for instead.
    """

    code: str
    meaning: str
    status: int = 422
    advice: str = ""
    others: tuple[int, ...] = ()


def title(status: int) -> str:
    """The phrase of a status, as RFC 9457 documents carry it."""
    return TITLES.get(status) or HTTPStatus(status).phrase


MINUTE = "Ask again in a minute."
INTAKE = (
    Problem("not_a_file", "the path is missing, a folder or a symbolic link"),
    Problem("not_a_checkpoint", "no known format, or a file of torch.save without weights"),
    Problem("unsupported_format", "a known format that is not taken (HDF5, TorchScript, HTML, …)"),
    Problem("pickle_refused", "loading would run code, so it was not loaded"),
    Problem("checkpoint_too_large", "above the size limit"),
    Problem("file_damaged", "truncated, or contradicts its own format"),
    Problem("deflate_bomb", "unpacks to far more than it holds"),
    Problem(
        "tensor_refused",
        "a tensor without data, sparse, quantised, complex, overlapping itself, or a view larger "
        "than its memory",
    ),
    Problem("nan_weights", "NaN or infinite weights"),
    Problem(
        "operator_refused",
        "a `.pt2` program uses an operator or a value outside the allowed list",
    ),
    Problem(
        "architecture_missing",
        "bare weights without an architecture, or an `mlp` without its activation",
    ),
    Problem("architecture_invalid", "the spec itself is wrong"),
    Problem(
        "architecture_mismatch",
        "spec and weights disagree; names the first key and both shapes",
    ),
    Problem(
        "order_open",
        "names and shapes leave the order of layers open, and the file does not keep it",
    ),
    Problem("adapter_without_base", "a LoRA adapter without the model that it changes"),
    Problem("part_of_a_checkpoint", "shards of a training on many devices, and not all of them"),
    Problem("no_candidates", "`minimascope architectures` finds no architecture in these weights"),
    Problem(
        "torch_file_refused",
        "a server for others, without Landlock and seccomp, opens no file of torch.save",
    ),
    Problem("transformers_missing", "the extra `huggingface` is not installed"),
    Problem("pillow_missing", "the extra `images` is not installed"),
    Problem("pyarrow_missing", "the extra `parquet` is not installed"),
    Problem("not_a_dataset", "no arrays or table that can be used"),
    Problem(
        "label_missing",
        "no column of a table has the name given, or one of the usual names, of labels",
    ),
    Problem("columns_differ", "the test table lacks a column of the training table"),
    Problem("split_missing", "a file of several splits has none for this purpose"),
    Problem("sizes_differ", "images of several sizes"),
    Problem("dataset_missing_arrays", "arrays `X` or `y` are missing"),
    Problem("empty_data", "no examples"),
    Problem("nan_data", "NaN or infinite inputs or targets"),
    Problem(
        "input_shape_mismatch",
        "the network cannot take the inputs; names expected and given shape",
    ),
    Problem("fixed_batch", "a `.pt2` that was exported for so many examples at once"),
    Problem("batch_dependent", "an example's outputs depend on the others in its batch"),
    Problem(
        "labels_per_position",
        "one label a pixel: a segmentation whose positions have several axes",
    ),
    Problem("output_shape_mismatch", "outputs do not fit targets or loss"),
    Problem("outputs_not_finite", "NaN or infinite outputs on the data"),
    Problem("link_mismatch", "outputs are not what they were told to be"),
    Problem(
        "example_weights_invalid", "no weight for each example, a negative one, or none above zero"
    ),
    Problem(
        "optimizer_state_mismatch",
        "the state of an optimiser that is another network's, or without second moments",
    ),
    Problem("labels_out_of_range", "names value, index and allowed range"),
    Problem("labels_not_integer", "class labels that are not whole numbers"),
    Problem(
        "sandbox_unavailable",
        "the process that reads files does not start or answer: an overloaded machine",
        503,
    ),
    Problem("sandbox_timeout", "reading took too long and was stopped"),
    Problem("sandbox_memory", "reading needs more memory than allowed"),
    Problem("sandbox_disk", "the worker's disk has no room for what the file unpacks to", 507),
    Problem("sandbox_crashed", "the parser ended abnormally; nothing was kept"),
    Problem(
        "export_failed", "`minimascope.export` could not export the model, or its copy differs"
    ),
)
REQUESTS = (
    Problem(
        "invalid_request",
        "a value of the request is not allowed; the sentence has it",
        others=(400,),
    ),
    Problem("invalid_parameters", "parameters of an analysis or a question are not allowed"),
    Problem(
        "invalid_cursor",
        "a cursor that no page of this list gave",
        advice="Use the `next` of the page before, unchanged.",
    ),
    Problem("invalid_metadata", "`Upload-Metadata` cannot be read, or names no kind of upload"),
    Problem("invalid_checksum", "`Upload-Checksum` is no sha256 in base64", 400),
    Problem("not_found", "there is nothing at this address", 404, "See /api/v1/docs."),
    Problem("method_not_allowed", "not possible at this address", 405, "See /api/v1/docs."),
    Problem("http_error", "any other refusal of HTTP", 400, "See /api/v1/docs."),
    Problem("too_slow", "headers or body did not come in time", 408),
    Problem("body_too_large", "no request but an upload may be so large", 413),
    Problem("not_http", "this is no HTTP request, or its headers are too large", 400),
    Problem(
        "wrong_content_type",
        "a piece of an upload has another content type than tus says",
        415,
        "Send application/offset+octet-stream.",
    ),
    Problem("wrong_tus_version", "another version of tus than 1.0.0", 412),
    Problem("too_large_for_json", "the array has too many elements for JSON", 406),
)
ACCESS = (
    Problem("unauthorized", "no token, a wrong one, or one that was revoked", 401),
    Problem("forbidden", "the asker's scope does not reach so far", 403),
    Problem("wrong_origin", "another site's page, or none, changes something by a session", 403),
    Problem("wrong_host", "on loopback the server answers to loopback names alone", 421),
    Problem("too_many_attempts", "too many wrong tokens within a minute", 429, "Wait a minute."),
    Problem("too_many_requests", "one person asks too much at a time", 429, "Wait for answers."),
    Problem("too_many_connections", "the server holds as many connections as it can", 503),
    Problem(
        "too_many_waiting",
        "too many jobs of one person wait for a worker",
        429,
        "Wait until some have ended, or cancel some.",
    ),
    Problem(
        "priority_refused",
        "the priority `high` is a right that an admin gives",
        403,
        "Submit with priority normal, or ask an admin for it.",
    ),
    Problem("user_exists", "there is a user of this name already", 409, "Choose another name."),
    Problem(
        "open_server",
        "a server that asks nobody who they are makes its first user on the command line",
        409,
        "Make its first user with `minimascope users create NAME --scope admin`.",
    ),
    Problem("invalid_name", "no name for a user"),
    Problem(
        "token_required",
        "a server that others can reach needs a token or a user",
        advice="Make a user with `minimascope users create NAME`, set MINIMASCOPE_TOKEN, or "
        "listen on 127.0.0.1.",
    ),
    Problem("worker_token_required", "workers elsewhere need a token to report with"),
)
THINGS = (
    Problem("no_such_checkpoint", "unknown, or somebody else's", 404, others=(422,)),
    Problem("no_such_dataset", "unknown, or somebody else's", 404, others=(422,)),
    Problem("no_such_analysis", "unknown, or somebody else's", 404),
    Problem("no_such_array", "no array of this name, or it does not apply", 404),
    Problem("no_such_blob", "no upload's id, or its bytes are gone", 404),
    Problem("no_such_transfer", "unknown, or somebody else's", 404),
    Problem("no_such_descent", "this analysis was not asked for such a descent", 404),
    Problem("no_such_interpolation", "this analysis was not asked for such a line", 404),
    Problem(
        "no_such_slice", "a plane that does not exist, or was not asked for", 404, others=(422,)
    ),
    Problem("no_such_job", "unknown", 404),
    Problem("no_such_user", "unknown", 404),
    Problem("no_such_token", "unknown, or somebody else's", 404),
    Problem("no_such_run", "no report of a training run of this name", 404),
    Problem(
        "computed_elsewhere",
        "the report was published: this server has neither its weights nor its data",
        409,
        "Upload weights and data, and analyse them here.",
    ),
    Problem("no_report_yet", "its first stage is not done", 404),
    Problem("no_arrays_yet", "nothing with arrays is done", 404),
    Problem(
        "no_eigenvectors_yet",
        "a plane needs the eigenvectors",
        409,
        "Ask again when its spectrum is done.",
    ),
    Problem("no_plan_yet", "no worker answered in time", 503, MINUTE),
    Problem("slice_not_ready", "no worker computed the plane in time", 504),
    Problem("interpolation_not_ready", "no worker computed the line in time", 504),
    Problem("descent_not_ready", "no worker finished the descent in time", 504),
    Problem("too_many_slices", "too many planes or lines of it wait", 429, "Wait for one of them."),
    Problem("same_analysis", "a line needs two analyses", 409),
    Problem(
        "data_differ",
        "two analyses with different training sets",
        409,
        "Analyse the second checkpoint on the first one's training set.",
    ),
    Problem("losses_differ", "two analyses with different losses", 409),
    Problem("labels_differ", "two analyses with different label columns", 409),
    Problem("architectures_differ", "a line runs only between weights of the same network"),
    Problem(
        "cannot_descend",
        "there is no known minimum to go to, or its weights cannot be written into this file",
    ),
    Problem("loss_not_finite", "the loss of one of the two networks is not finite"),
    Problem("in_use", "an analysis needs this upload", 409, "Delete its analyses first."),
    Problem("not_ended", "the analysis is queued or running", 409, "Cancel it first."),
    Problem("already_ended", "there is nothing to cancel", 409),
    Problem("not_retryable", "only a failed or cancelled analysis is tried again", 409),
    Problem("idempotency_key_reused", "the key belongs to another submission", 409),
)
UPLOADS = (
    Problem("too_large", "above the size limit, or more bytes than announced", 413),
    Problem(
        "storage_full",
        "no room in the quota or on the disk",
        507,
        "Delete uploads or analyses that are no longer needed.",
    ),
    Problem("empty_file", "an upload without bytes", advice="Choose another one."),
    Problem("upload_broken_off", "the connection ended before the file did", 400, "Send it again."),
    Problem("too_many_uploads", "too many uploads within a minute", 429, "Wait a minute."),
    Problem(
        "wrong_offset",
        "`Upload-Offset` is not how many bytes are durable",
        409,
        "Ask with HEAD where to go on.",
    ),
    Problem(
        "checksum_mismatch",
        "the bytes differ from their checksum; none were kept",
        460,
        "Send them again.",
    ),
    Problem(
        "transfer_busy",
        "another request writes to this upload",
        423,
        "Try again when it ended.",
    ),
    Problem(
        "too_many_transfers",
        "too many uploads in pieces of one person have not ended",
        429,
        "Finish some, or give them up with DELETE.",
    ),
    Problem("transfer_expired", "nobody went on with it in time", 410, "Start it again."),
    Problem("refused", "the file was refused"),
)
FAILURES = (
    Problem("no_gpu", "no worker with a GPU is there"),
    Problem("does_not_fit", "a plan found that the spectrum needs more memory than is free"),
    Problem("out_of_memory", "with a quarter of the batch too", 500, others=(422,)),
    Problem("time_limit", "longer than a job may take", 500),
    Problem("crashed", "the worker's process stopped unexpectedly", 500),
    Problem("worker_lost", "the worker was lost as often as it may be", 500),
    Problem(
        "ranks_differ",
        "the processes of one analysis do not have the same network and data, or one refuses them",
        advice="Give every rank the same model and the whole training set, unaugmented.",
    ),
    Problem(
        "rank_lost",
        "a process of this analysis is gone; the others ended with it",
        500,
        "Start the job again: nothing of it is kept.",
    ),
    Problem("files_missing", "the worker could not fetch the files", 500),
    Problem("bad_result", "what the worker's process gave is no result", 500),
    Problem("cancelled", "a part of a stage was cancelled"),
    Problem("fault", "a fault of minimascope ended a stage; the others stand"),
    Problem(
        "out_of_time",
        "the seconds that were given ended before this was done",
        advice="Give more seconds, or ask for fewer stages.",
    ),
    Problem("not_computable", "a stage does not apply to this network or these data"),
    Problem("spectrum_missing", "a stage needs the spectrum, which failed"),
    Problem("stale_token", "the job belongs to another worker by now", 409, "Stop working on it."),
    Problem("not_claimable", "nothing to do for a worker here", 409),
    Problem(
        "release_differs",
        "worker and server are of different versions, so their numbers may differ",
        409,
        "Install the same version of minimascope on both.",
    ),
    Problem("invalid_report", "a report that does not follow its schema"),
    Problem("invalid_array", "no .npy file"),
)
OPERATION = (
    Problem("database_away", "the database does not answer", 503, "Try again in a minute."),
    Problem(
        "database_damaged",
        "the database's own pages contradict each other",
        503,
        "Stop the server, move the database away and fill an empty one: "
        "`minimascope restore FILE.tar`, with the newest file of `minimascope backup`.",
    ),
    Problem(
        "database_newer",
        "a later version of minimascope wrote this database",
        503,
        "Install that version, or restore a backup of this one into an empty service.",
    ),
    Problem(
        "data_folder_taken",
        "a server runs on this data folder already",
        409,
        "Use that one, stop it first, or give another folder with --data.",
    ),
    Problem("not_ready", "`minimascope doctor` finds something that is not as it should be"),
    Problem("invalid_setting", "an environment variable has no value that it could have"),
    Problem("store_unavailable", "the bucket does not take or give files", 503),
    Problem("no_obstore", "a bucket needs the extra `s3`", advice="Install minimascope[s3]."),
    Problem("stopping", "the server is being stopped", 503, "Try again in a minute."),
    Problem("internal_error", "a fault of the server; its log has the cause", 500),
    Problem("no_backup", "no file of `minimascope backup`"),
    Problem("broken_backup", "an upload differs from its sha256", advice="Use another backup."),
    Problem(
        "not_empty",
        "a backup is restored into an empty service",
        409,
        "Choose another data folder or database.",
    ),
    Problem("no_demo", "there is no demo in the folder"),
    Problem("nothing_to_forget", "there is no limit by age or size"),
    Problem("no_opentelemetry", "traces need the extra `otel`"),
    Problem("bad_endpoint", "no address of a collector of traces"),
)
CLIENTS = (
    Problem("data_unusable", "data of a training script are no examples that can be gone over"),
    Problem("model_unusable", "a model of a training script cannot be looked into"),
    Problem("criterion_unusable", "a criterion is no mean or sum over examples"),
    Problem("optimizer_unusable", "an optimiser is none, or another model's"),
    Problem("no_such_figure", "the report has nothing that this figure draws"),
    Problem("not_a_report", "the file is no saved report"),
    Problem("folds_impossible", "examples cannot be divided into folds as asked"),
    Problem("losses_unusable", "K-fold has not one finite loss for each example"),
    Problem("script_failed", "the training script of K-fold failed or wrote nothing"),
    Problem("state_differs", "the file of finished folds is another run's"),
    Problem("state_unreadable", "the file of finished folds cannot be read"),
    Problem("not_installed", "the extra that this command needs is not installed; names it"),
    Problem("port_taken", "the port is in use, or not allowed"),
    Problem("server_unreachable", "no server answers at the address", 503),
    Problem("unexpected_answer", "an answer that is none of a minimascope server", 500),
    Problem("no_such_file", "the path given is no file"),
    Problem("cannot_write", "the output cannot be written"),
    Problem("plan_only", "a plan was asked for, and a file for what it does not compute"),
    Problem("unknown_queue", "a worker for a queue that is none"),
    Problem("unknown_device", "no name of a device"),
    Problem("no_such_address", "there is no page at this address", 404),
    Problem("missing_file", "a file of the form is not there yet"),
    Problem("activation_missing", "the form names no activation"),
    Problem("bad_architecture", "the form's layers are no JSON object"),
    Problem("bad_setting", "a field of the form has no value that it could have"),
    Problem("no_stage", "the form names no stage"),
)
SECTIONS = {
    "Uploads that are refused": INTAKE,
    "Requests": REQUESTS,
    "Who may ask": ACCESS,
    "Things and their states": THINGS,
    "Receiving uploads": UPLOADS,
    "Why an analysis or a stage failed": FAILURES,
    "What the service stands on": OPERATION,
    "Command line, client and pages": CLIENTS,
}
PROBLEMS = {row.code: row for rows in SECTIONS.values() for row in rows}
