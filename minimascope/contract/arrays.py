"""The arrays that go with a report: names, shapes and meaning, fixed for every room.

k eigenvectors, n training points, p parameters, slice of m×m inputs, K classes. Arrays that do
not apply (a slice for images, say) are absent, never empty.
"""

from __future__ import annotations

ARRAYS: dict[str, str] = {
    "eigenvalues": "(r,) every eigenvalue of H known, descending; r = p where the route is exact",
    "eigenvectors": "(k, p) float64 unit rows v₁..v_k, largest |component| positive",
    "alignment": "(k, n) A_k(x_i) ∈ [−1, 1] of training points, cancellation-free residual",
    "max_alignment": "(r,) max_i |A_k(x_i)| of every known vector, descending: the G(ε) curve",
    "class_alignment": "(k, K) mean A_k over the points the network puts in each class",
    "coherence": "(m, m) float32 cosines of reinforcing gradients, m ≤ 300 points by class",
    "coherence_order": "(m,) int64 the training rows of `coherence`",
    "coherence_class_means": "(K, K) mean cosine between classes, own pairs excluded; NaN if none",
    "embedding_tsne": "(n, 2) float32 t-SNE of the inputs, only where they are not 2-D; of what "
    "the last layer is given where they are images",
    "points": "(n, 2) float32 training inputs in the drawn plane (PCA where inputs are not 2-D; "
    "where they are token ids, of what the last layer is given)",
    "images": "(m, h, w[, 3]) uint8 training inputs to look at, no side longer than 48, where they "
    "are images: those of highest loss where not all have room",
    "image_rows": "(m,) int64 the training rows of `images`",
    "image_scale": "(c, 2) which numbers of each channel are black and white",
    "region_x": "(m,) float32 first axis of the decision regions known before any curvature",
    "region_y": "(m,) float32 second axis",
    "region_class": "(m, m) int16 argmax class there, row index = y",
    "region_boundary": "(b, 2) float32 boundary polylines there, NaN rows between lines",
    "labels": "(n,) int64 training labels",
    "predictions": "(n,) int64 the network's own classes at training points",
    "train_loss": "(n,) float32 plain loss of each training point in nats; NaN for copies of an "
    "original, as in the next two",
    "alo_loss": "(n,) float32 leave-one-out cross-entropy of each point at λ_eff (ALO)",
    "alo_loss_moved": "(n,) float32 the same, of the twentieth of the points (20 to 100) where it "
    "rises most from the network itself, moved to where it would be without the point",
    "margins": "(n,) ℓ₂ distance to the closest crossing found, an upper bound on the margin; "
    "negative where the network is wrong, NaN if none was found",
    "margins_lower": "(n,) certified lower bound on it; NaN where there is none or it is negative",
    "margin_beyond": "(n,) int64 class beyond that crossing; −1 if none was found",
    "margins_linf": "(n,) the same as `margins` in ℓ∞",
    "margins_linf_lower": "(n,) the same as `margins_lower` in ℓ∞",
    "margin_ends": "(n, 2) the boundary point reached, only where inputs are 2-D",
    "boundary_inputs": "(w, ...) x_b: boundary input most parallel to v_k, w ≤ k; NaN if none",
    "calibration": "(15, 3) reliability bins on training data: count, mean confidence, accuracy",
    "calibration_alo": "(15, 3) the same on leave-one-out logits",
    "slice_x": "(m,) float32 first axis of the drawn plane",
    "slice_y": "(m,) float32 second axis",
    "slice_class": "(m, m) int16 argmax class, row index = y",
    "slice_logit_gap": "(m, m) float32 top-two logit difference",
    "slice_alignment": "(k, m, m) float32 alignment of each eigenvector over the plane",
    "slice_offset": "(n,) float32 distance of every training point from the drawn plane (0 in 2-D)",
    "slice_boundary": "(b, 2) float32 boundary polylines in the plane, NaN rows between lines",
    "slice_boundary_vector": "(b,) int16 eigenvector (1-based) flipping most at each vertex, or 0",
    "slice_points": "(n, 2) float32 training points in a plane asked for (`points` in a report)",
    "slice_corners": "(3, 2) float32 the inputs a plane asked for goes through, if it does",
    "walk_epsilon": "(w, e) ε of the walk θ + ε v_k for w ≤ k leading vectors, 0 in the middle",
    "walk_loss": "(w, e) float64 training loss along it",
    "walk_loss_error": "(w, e) its standard error, where a sample of the points was walked over",
    "walk_accuracy": "(w, e) float64 training accuracy along it",
    "walk_accuracy_error": "(w, e) its standard error, likewise",
    "walk_class": "(w, e, s, s) int8, int16 from 128 classes on: argmax class on a coarse "
    "plane along it (2-D inputs only)",
    "position_loss": "(T, 3) of each position: mean loss in nats, its standard error, labels that "
    "count; NaN where none does",
    "sequence_loss": "(n,) float32 nats a token of each training sequence",
    "token_rows": "(m,) int64 the training rows whose tokens are shown, dearest to leave out first",
    "token_ids": "(m, T) int64 their tokens; −1 where none is known",
    "token_loss": "(m, T) float32 the loss of each in nats; NaN where it does not count",
    "token_likeliest": "(m, T) int64 what the network takes to be there",
    "token_pull": "(w, m, T) float32 how fast its loss rises along v_k, nats a unit of ε",
    "token_flipped": "(w, e) share of training tokens whose likeliest one is another at θ + ε v_k",
    "walk_x": "(s,) float32 first axis of that plane",
    "walk_y": "(s,) float32 second axis",
    "checkpoint": "(b,) uint8 bytes of a file of torch: the weights after a descent asked for",
    "surface_a": "(s,) steps along v₁ of the loss surface θ + a v₁ + b v₂, 0 in the middle",
    "surface_b": "(s,) steps along v₂",
    "surface_train": "(s, s) float64 mean training loss there, row index = b",
    "surface_test": "(s, s) float64 mean test loss there, where there is a test set",
}
