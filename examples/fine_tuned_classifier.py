"""A classifier of transformers, fine-tuned: the body is frozen, the head is what was trained.

The network is made small and at random here, so that nothing is downloaded; a checkpoint of the hub
is loaded in its place with `AutoModelForSequenceClassification.from_pretrained(name)`.
"""

import torch
from transformers import BertConfig, BertForSequenceClassification

import minimascope as ms

torch.manual_seed(0)
config = BertConfig(
    vocab_size=50, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
    intermediate_size=32, num_labels=2, attn_implementation="eager",
)  # fmt: skip
model = BertForSequenceClassification(config)
for name, parameter in model.named_parameters():
    parameter.requires_grad = name.startswith("classifier")

tokens = torch.randint(5, 50, (240, 10))
labels = (tokens < 20).sum(dim=1).gt(3).long()
rows = [{"input_ids": each, "labels": label} for each, label in zip(tokens, labels, strict=True)]
train, test = rows[:120], rows[120:]

optimizer = torch.optim.SGD(model.classifier.parameters(), lr=0.5, weight_decay=1e-2)
model.eval()  # without dropout, as the head alone is trained
for _ in range(400):
    optimizer.zero_grad()
    model(input_ids=tokens[:120], labels=labels[:120]).loss.backward()
    optimizer.step()

loader = torch.utils.data.DataLoader(train, batch_size=40)
report = ms.analyze(
    model, loader, torch.nn.CrossEntropyLoss(), optimizer,
    test=torch.utils.data.DataLoader(test, batch_size=40), steps=400, stages=["spectrum", "gap"],
)  # fmt: skip
print(report)
