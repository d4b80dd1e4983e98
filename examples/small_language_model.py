"""A small language model: a label at every position, whole sequences left out.

Sentences of six letters that mostly follow a rule; a network of one layer of attention learns it.
"""

import torch
from torch import nn

import minimascope as ms

VOCABULARY, LENGTH, WIDTH = 6, 8, 6


def sentences(n, generator):
    """Each letter is the sum of the two before it, modulo 6, but for one in four."""
    tokens = torch.randint(0, VOCABULARY, (n, LENGTH + 1), generator=generator)
    for t in range(2, LENGTH + 1):
        kept = torch.rand(n, generator=generator) < 0.75
        tokens[:, t] = torch.where(
            kept, (tokens[:, t - 1] + tokens[:, t - 2]) % VOCABULARY, tokens[:, t]
        )
    return tokens[:, :-1], tokens[:, 1:]


class Causal(nn.Module):
    """Embedding, one head that looks back, and the next letter's logits (n, T, K)."""

    def __init__(self):
        super().__init__()
        self.letters, self.places = nn.Embedding(VOCABULARY, WIDTH), nn.Embedding(LENGTH, WIDTH)
        self.query, self.key = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.value, self.head = nn.Linear(WIDTH, 2 * WIDTH), nn.Linear(2 * WIDTH, VOCABULARY)

    def forward(self, tokens):
        x = self.letters(tokens) + self.places(torch.arange(tokens.shape[1]))
        scores = self.query(x) @ self.key(x).transpose(1, 2) / WIDTH**0.5
        later = torch.ones(tokens.shape[1], tokens.shape[1], dtype=torch.bool).triu(1)
        seen = scores.masked_fill(later, -torch.inf).softmax(-1) @ self.value(x)
        return self.head(torch.tanh(seen))


generator = torch.Generator().manual_seed(0)
train, test = sentences(100, generator), sentences(300, generator)
torch.manual_seed(0)
model = Causal()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.05)
criterion = nn.CrossEntropyLoss()
for _ in range(300):
    optimizer.zero_grad()
    criterion(model(train[0]).flatten(0, 1), train[1].flatten()).backward()
    optimizer.step()

report = ms.analyze(
    model, train, criterion, optimizer, test=test, steps=300, top_k=4, stages=["spectrum", "gap"]
)
print(report)
