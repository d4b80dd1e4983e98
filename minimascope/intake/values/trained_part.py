"""What is said where some parameters of a network were not trained."""

from __future__ import annotations


def trained_sentence(trained: int, everything: int) -> list[str]:
    """One sentence, or none where all were."""
    if trained == everything:
        return []
    return [
        f"{trained:,} of {everything:,} parameters were trained; the others are constants, as "
        "requires_grad says."
    ]
