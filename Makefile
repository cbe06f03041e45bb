# Everything installs into .venv (this project) and .engines (the engine releases that the tests run).
.DEFAULT_GOAL := help
.PHONY: help demo test lint integrations faults fuzz bench bench-quick engines plotting clean

PYTHON ?= python3
BIN := .venv/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

help: ## Show what there is to make
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.venv/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is older than 3.11; name a newer one: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "Python's venv module is incomplete; on Debian: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv .venv

.venv/.installed: pyproject.toml constraints.txt .venv/pyvenv.cfg
	$(PIP_INSTALL) --editable .
	@touch $@

.venv/.installed-dev: .venv/.installed
	$(PIP_INSTALL) --editable '.[dev]'
	@touch $@

demo: .venv/.installed ## Audit, plan and apply on a small model directory, with the real engine
	@PATH="$(CURDIR)/$(BIN):$$PATH" bash examples/demo.sh

lint: .venv/.installed-dev ## Style, types and the layers of the code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

integrations: .venv-integrations/.installed ## Try the ready-to-use files with the tools of their ecosystems
	bash tests/integrations/try.sh .venv-integrations/bin

.venv-integrations/.installed: tests/integrations/requirements.txt
	$(PYTHON) -m venv .venv-integrations
	.venv-integrations/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

engines: .venv/.installed-dev ## Install the engine releases that the tests run, each in its own environment
	$(BIN)/python tests/install_engines.py .engines

test: lint engines ## Everything needed to pass the tests
	$(BIN)/pytest -n auto

bench: .venv/.installed ## Measure speed and memory against the peers (minutes); writes benchmarks/RESULTS.md
	$(BIN)/python -m benchmarks

bench-quick: .venv/.installed ## The same at small sizes in under two minutes; prints only
	$(BIN)/python -m benchmarks --quick

faults: .venv/.installed-dev ## Kill and fail apply, rollback and purge at every system call that changes the disk (needs strace)
	@command -v strace >/dev/null || { echo "strace is missing; on Debian: apt-get install strace"; exit 1; }
	$(BIN)/python -m tests.faults.sweep
	$(BIN)/python -m tests.faults.command
	$(BIN)/python -m tests.faults.soak

FUZZ_SECONDS ?= 60
fuzz: .venv/.installed-dev ## Feed the manifest loader with bytes that atheris thinks up, for FUZZ_SECONDS (60)
	$(PIP_INSTALL) --editable '.[fuzz]'
	@mkdir -p .fuzz/corpus .fuzz/seeds
	@if $(BIN)/python -c 'import importlib.util as u, sys; sys.exit(not u.find_spec("atheris"))'; then \
	    $(BIN)/python -m tests.manifest.fuzz_loader -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -timeout=10 -rss_limit_mb=1024 \
	        -verbosity=0 -print_final_stats=1 -artifact_prefix=.fuzz/ .fuzz/corpus tests/manifest/found .fuzz/seeds; \
	else echo "fuzz: skipped, there is no atheris for this platform and Python; make test feeds the loader from Hypothesis"; fi

D3 := 7.9.2
plotting: ## Fetch D3 anew, as it is published, for the report page (needs npm)
	@command -v npm >/dev/null || { echo "npm is missing; on Debian: apt-get install npm"; exit 1; }
	cd "$$(mktemp -d)" && npm pack --silent d3@$(D3) && tar xzf d3-$(D3).tgz && \
	    cp package/dist/d3.min.js $(CURDIR)/reconciler/report/templates/ && \
	    cp package/LICENSE $(CURDIR)/reconciler/report/templates/d3.LICENSE

clean: ## Remove what the other targets made
	rm -rf .venv .venv-bench .venv-integrations .bench-data .fuzz .engines demo build dist
