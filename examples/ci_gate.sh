#!/usr/bin/env bash
# A pipeline's two jobs: plan and show, then, once a person has approved, apply exactly that plan.
#
#     examples/ci_gate.sh plan  models.yaml plan.json    # keep plan.json as an artifact
#     examples/ci_gate.sh apply plan.json                # in the job that waits for approval
set -euo pipefail

case "${1:-}" in
plan)
    code=0
    ocr-reconcile plan -f "$2" --out "$3" --detailed-exitcode || code=$?
    case $code in
    0) echo "gate: nothing to approve" ;;
    2) echo "gate: approve the plan above, then run the job that applies it" ;;
    *) exit "$code" ;; # blocked by a guard, an invalid manifest, an engine that fails: nothing may be applied
    esac
    ;;
apply)
    # Refused with exit code 5 if anything has changed since the plan was approved.
    ocr-reconcile apply "$2" --wait "${WAIT:-5m}" --run-handlers
    ;;
*)
    sed -n '2,5s/^# \{0,1\}//p' "$0" >&2
    exit 64
    ;;
esac
