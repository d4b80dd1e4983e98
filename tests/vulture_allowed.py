"""What vulture takes for unused and is not, grouped by who uses it. `make lint` reads this file.

Names only: vulture counts each as a use. What is in no group here and nobody calls, goes.
"""

# ruff: noqa: B018, F821

# Fields of documents that people, pages and other programs read as JSON or through `getattr`.
accuracy_standard_error
actual_peak_bytes
dlog_alo_dlog_lambda
gap_by_folds
gap_error
gap_expected
gap_by_folds_standard_error
gap_scatter
gradient_norm
gradient_share_after
gradient_share_before
loss_standard_error
max_leverage
median_crossing
median_crossing_lower
n90_at_least
newton_decrement
objective_after
objective_before
regularized_gradient_norm
restart
route_reason
schema_version
sharpness_least
slice_underflowed
smallest_margin
soft_rank_at
soft_rank_error
soft_rank_hessian_clipped
test_accuracy
test_loss
tic_ggn_uncentred
tic_hessian_clipped
tic_hessian_clipped_uncentred
tic_over_soft_rank
top5_share
train_accuracy
training_point
unreached
zeroed_points

# Ids and settings that the browser's modules and other processes read.
closest_crossing  # compare reads key numbers by name
closest_crossing_lower
output_bytes

# Public functions of the library for scripts; the tests hold them, the service has no use for them.
closest_crossings  # every point at once: the stage shares them in parts
from_matrix  # any symmetric matrix as an operator
gradient_second_moment  # C as an operator: the gap reads the same SecondMoment along directions
sampled_fisher  # the sampled Fisher as an operator: the gap reads its eigenvalues
token_flips  # figures of a report, asked for by their method
token_pull

# Called by a library under a name that it chooses.
__annotations__, __signature__  # typer reads options from them
_get, _put, _queue_bind, import_from_cwd, imp  # kombu's and celery's hooks
_of_an_earlier_schema, _storable, _consistent, _agrees, _of_torch, _fit_together  # pydantic
_step_of_a_run  # pydantic
backward, generate_vmap_rule, setup_context  # torch.autograd.Function
arriving_bytes, queued  # filled by name: what a person holds
_repr_mimebundle_, include, exclude  # notebooks
commands  # click's group
inode  # unpacked from stat
isolation_level, none_as_null, type_annotation_map  # sqlalchemy
msg, send_400_response  # uvicorn's protocol
mtime  # tarfile
on_train_begin, on_train_start, on_train_batch_end, batch_idx, on_step_end, on_train_end  # trainers
on_start, parent_context  # OpenTelemetry's span processor
tempdir  # the tempfile module reads it
types  # __torch_dispatch__'s signature
_should_skip_dynamo  # torch asks modes
websocket_capability  # dash's backend
writable  # io.RawIOBase
extra_repr  # torch, for the repr of a module
__class__, compute_weight  # layers of torch, which calls them, written out

# uvicorn calls and reads them.
force_exit
handle_exit
should_exit
FullySharded  # for who has weights that no device holds
