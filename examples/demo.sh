#!/usr/bin/env bash
# The story of the README, typed as a user would: what is here, what would go, go, and is it done?
set -euo pipefail
cd "$(dirname "$0")/.."

step() {
    printf '\n$ %s\n' "$*"
    "$@"
}

python examples/make_models.py demo/models
step ocr-reconcile audit -f manifests/quickstart.yaml
step ocr-reconcile plan -f manifests/quickstart.yaml --out demo/plan.json
step ocr-reconcile apply demo/plan.json
step ocr-reconcile plan -f manifests/quickstart.yaml
