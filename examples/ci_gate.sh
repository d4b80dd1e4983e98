#!/bin/sh
# A gate: the build fails where the network should be expected to do much worse on new data.
# Run it where `minimascope` is on the path: ./ci_gate.sh [folder]
set -eu
cd "${1:-.}"

python - <<'TRAIN'
import minimascope, numpy, torch
torch.manual_seed(0)
X = torch.randn(200, 3)
y = (X[:, 0] + 0.5 * torch.randn(200) > 0).long()
model = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2))
optimizer = torch.optim.SGD(model.parameters(), lr=0.5, weight_decay=1e-2)
for _ in range(1000):
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(model(X), y).backward()
    optimizer.step()
minimascope.export(model, X[:2], "model.pt2")
numpy.savez("train.npz", X=X.numpy(), y=y.numpy())
TRAIN

minimascope analyze --checkpoint model.pt2 --train train.npz --quiet \
    --loss cross_entropy --optimizer sgd --weight-decay 1e-2 --lr 0.5 --steps 1000 --dropout no \
    --stages spectrum,gap --output report.json \
    --fail-if "gap.headline.ninety[1] > ${MOST:-0.5}"
echo "The gate is open."
