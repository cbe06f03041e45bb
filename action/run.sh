#!/usr/bin/env bash
# The one step of the action that calls ocr-reconcile. Inputs come as variables: none is ever part of a script.
set -euo pipefail

lines() { # the lines of $1 that are not empty, one argument each, after an option $2 if there is one
    arguments=()
    while IFS= read -r line; do
        if [ -n "$line" ]; then arguments+=(${2:+"$2"} "$line"); fi
    done <<< "$1"
}

comment="$RUNNER_TEMP/ocr-reconcile-comment.md"
rm -f -- "$comment"
lines "${OVERRIDE:-}" --override
overrides=("${arguments[@]}")

case "$COMMAND" in
validate)
    lines "$MANIFEST"
    exec ocr-reconcile validate --format github -- "${arguments[@]}"
    ;;
plan)
    rm -f -- "$PLAN_FILE"
    code=0
    ocr-reconcile plan --file "$MANIFEST" --out "$PLAN_FILE" --format github "${overrides[@]}" || code=$?
    cp -- "$GITHUB_STEP_SUMMARY" "$comment" # the summary of this step is the page of this plan
    exit "$code"
    ;;
apply)
    options=("${overrides[@]}")
    if [ -n "${MANIFEST:-}" ]; then options+=(--file "$MANIFEST"); fi
    if [ -n "${WAIT:-}" ]; then options+=(--wait "$WAIT"); fi
    if [ "${RUN_HANDLERS:-}" = true ]; then options+=(--run-handlers); fi
    exec ocr-reconcile apply --format github "${options[@]}" -- "$PLAN_FILE"
    ;;
*)
    echo "::error::The input 'command' is validate, plan or apply"
    exit 64
    ;;
esac
