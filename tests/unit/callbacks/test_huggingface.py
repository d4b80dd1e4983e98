"""A training of the real Hugging Face Trainer, tracked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import Dataset
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

from minimascope.callbacks import TrainerCallback

pytestmark = pytest.mark.filterwarnings("ignore")  # a library's own


class Sentences(Dataset[dict[str, Any]]):
    """Is there a 7 among the ids? Of one length, so that nothing is padded."""

    def __init__(self, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.ids = torch.randint(3, 12, (24, 6), generator=generator)

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, place: int) -> dict[str, Any]:
        ids = self.ids[place]
        return {
            "input_ids": ids,
            "attention_mask": torch.ones(6, dtype=torch.long),
            "labels": int((ids == 7).any()),
        }


def trained(tmp_path: Path, *callbacks: Any) -> Trainer:
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=12,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=8,
        num_labels=2,
    )
    arguments = TrainingArguments(
        output_dir=str(tmp_path),
        max_steps=6,
        per_device_train_batch_size=8,
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
        save_strategy="no",
        logging_strategy="no",
        learning_rate=1e-3,
        seed=0,
    )
    trainer = Trainer(
        BertForSequenceClassification(config),
        arguments,
        train_dataset=Sentences(0),
        eval_dataset=Sentences(1),
        callbacks=list(callbacks),
    )
    trainer.train()
    return trainer


def test_a_training_is_tracked_and_is_what_it_would_have_been(tmp_path: Path) -> None:
    callback = TrainerCallback(every=1, budget=None, examples=16)
    followed, plain = trained(tmp_path, callback), trained(tmp_path)
    pairs = zip(followed.model.parameters(), plain.model.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    assert callback.tracker
    history = callback.tracker.history
    assert [each.step for each in history] == [1, 2, 3, 4, 5, 6]
    # AdamW, whose rate the trainer's own scheduler takes down.
    assert [each.limit_words for each in history[:5]] == ["38/lr (Adam, β₁ = 0.9)"] * 5
    rates = [each.lr for each in history[:5] if each.lr is not None]
    assert len(rates) == 5
    assert rates == sorted(rates, reverse=True)
    assert all(each.sharpness is not None and each.sharpness > 0 for each in history[:5])
    assert history[5].lr == history[4].lr  # the last step's: a next one has no length any more
    logged = [row for row in followed.state.log_history if "minimascope/lambda_max" in row]
    assert [row["step"] for row in logged] == [1, 2, 3, 4, 5, 6]
