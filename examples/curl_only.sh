#!/bin/sh
# From two files to the report with curl alone: ./curl_only.sh URL model.safetensors train.npz
# The architecture is that of a small mlp; docs/network_architectures.md has others.
set -eu
api=${1%/}/api/v1
id() { grep -oE '"id": ?"[^"]+"' | head -n 1 | cut -d'"' -f4; }
auth="authorization: Bearer ${MINIMASCOPE_TOKEN:-none}"

weights=$(curl -sS --fail-with-body -H "$auth" --data-binary "@$2" \
    -H "content-type: application/octet-stream" "$api/checkpoints?name=model" | id)
data=$(curl -sS --fail-with-body -H "$auth" --data-binary "@$3" \
    -H "content-type: application/octet-stream" "$api/datasets?name=train" | id)
analysis=$(curl -sS --fail-with-body -H "$auth" -H "content-type: application/json" \
    "$api/analyses" -d @- <<JSON | id
{"name": "by curl", "checkpoint": "$weights", "train": "$data",
 "parameters": {"architecture": {"family": "mlp", "activation": "tanh"}, "weight_decay": 0.01,
                "stages": ["spectrum", "gap"]}}
JSON
)

# Events end when the analysis does; then the report is there.
curl -sSN --fail-with-body -H "$auth" "$api/analyses/$analysis/events" | grep "^event: state"
curl -sS --fail-with-body -H "$auth" "$api/analyses/$analysis/report"
