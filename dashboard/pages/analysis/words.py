"""What the estimates, diagnostics and baselines of a report are called on the page."""

from __future__ import annotations

from dashboard.components.words import number

# Between these a temperature is searched for; at an end it is a bound.
TEMPERATURES = (0.01, 100.0)
NEAR = 1.01  # factor from an end within which the search has stopped at it
ESTIMATES = {
    "alo_ggn": "ALO, leave-one-out (GGN)",
    "alo_moved": "Leave-one-out of sequences, by the network without each",
    "alo_filter": "ALO, stopping as a filter",
    "alo_trained": "ALO, in the loss trained",
    "measured_trained": "Measured, in the loss trained",
    "soft_rank_ggn": "Soft rank / n (GGN)",
    "soft_rank_hessian_clipped": "Soft rank / n (Hessian, clipped)",
    "tic_ggn": "TIC, centred (GGN)",
    "tic_ggn_uncentred": "TIC, uncentred (GGN)",
    "tic_hessian_clipped": "TIC, centred (Hessian, clipped)",
    "tic_hessian_clipped_uncentred": "TIC, uncentred (Hessian, clipped)",
    "kfac_soft_rank": "Soft rank / n (K-FAC)",
    "kfac_tic": "TIC (K-FAC)",
    "diagonal_soft_rank": "Soft rank / n (diagonal GGN)",
    "sampled_fisher_soft_rank": "Soft rank / n (sampled Fisher)",
    "soft_rank_ggn_noise_corrected": "Soft rank / n × noise variance",
}
DIAGNOSTICS = {
    "t_alo": "Temperature on leave-one-out logits",
    "tic_over_soft_rank": "TIC / soft rank",
    "max_leverage": "Largest leverage",
    "top5_share": "Share of the estimate in 5\u202f% of points",
    "dlog_alo_dlog_lambda": "d log ALO / d log λ",
    "ece_15": "Expected calibration error, 15 bins",
    "negative_mass": "Negative mass of the Hessian",
    "gap_scatter": "Scatter of the gap of one training set, nats",
}
BASELINES = {
    "parameters_over_n": "parameters / n",
    "theta_squared_norm": "‖θ‖²",
    "half_logdet_over_n": "½ log det / n",
    "fisher_rao": "Fisher–Rao norm",
    "margin10": "10\u202f% quantile of the logit margin",
    "lambda_1": "λ₁ of the Hessian",
    "lambda_1_ggn": "λ₁ of the GGN",
    "trace": "trace of the Hessian",
    "trace_ggn": "trace of the GGN",
    "trace_over_n": "trace of the Hessian / n",
    "layer_flatness_last": "flatness of the last layer",
    "temperature_train": "temperature on training logits",
    "noise_variance_train": "noise variance on training data",
    "noise_variance_alo": "noise variance, leave-one-out",
}


def baseline(key: str) -> str:
    """A baseline of the report in words; an unknown one keeps its key."""
    words = BASELINES.get(key, key.replace("_", " "))
    for short in ("sam ", "asam "):
        if words.startswith(short):
            return f"{short.strip().upper()} sharpness, ρ = {words.removeprefix(short)}"
    return words


def temperature(value: float | None) -> str:
    """A fitted temperature; where the search ended at an end of its range, a bound."""
    least, most = TEMPERATURES
    if value is not None and value <= NEAR * least:
        return f"≤ {least:g}"
    if value is not None and value >= most / NEAR:
        return f"≥ {most:g}"
    return number(value)
