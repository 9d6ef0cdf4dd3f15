# musegen: `make play` to hear it, `make test` to check it. Both set themselves up.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt

.DEFAULT_GOAL := help
.PHONY: help play test real bounds check lint format docs gpu-pack gpu-collect clean

help: ## say what can be made
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

play: $(VENV)/.play ## compose a piece with the checkpoint that ships: .mid, .png, .wav
	@mkdir -p out
	@$(BIN)/musegen generate --checkpoint checkpoints/small --genre folk --mood happy \
	    --bars 16 --seed 7 -o out/play.mid --png --wav --force
	@echo
	@echo "Try next:"
	@echo "  $(BIN)/musegen generate --genre jazz --mood calm --bars 32 --seed 3 -o out/jazz.mid --png --wav"
	@echo "  $(BIN)/musegen generate --help"

test: $(VENV)/.dev ## run every test (a few minutes)
	@HYPOTHESIS_PROFILE=ci $(BIN)/python -m pytest -n 2 -rs

real: $(VENV)/.dev ## install MuseScore, fluidsynth, timidity (Debian, as root); they open our files
	@tests/real/install.sh
	@MUSEGEN_REAL=1 $(BIN)/python -m pytest tests/real

bounds: $(VENV)/.dev ## tests of machine code that looks whether each place lies in its array
	@NUMBA_BOUNDSCHECK=1 $(BIN)/python -m pytest -n 2 tests/music tests/tokens tests/model

check: lint ## lint, types, layers and the fast tests: before every commit
	@$(BIN)/python -m pytest -n 2 -m "not slow and not corpus and not gpu"

lint: $(VENV)/.dev ## format, style, types, layers; changes nothing
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

format: $(VENV)/.dev ## put every file into the one format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

docs: $(VENV)/.dev ## make the pages that come from the code anew
	@$(BIN)/python -m musegen.tokens.page > docs/events.md

PREPARED ?= checkpoints/mine.prepared
FROM ?= results
CHECKPOINT ?= checkpoints/from-the-gpu

gpu-pack: $(VENV)/.dev ## pack code and PREPARED=... for a machine with a GPU, into out/gpu
	@$(BIN)/python tools/gpu_pack.py --prepared $(PREPARED) --out out/gpu

gpu-collect: $(VENV)/.dev ## put together what came back in FROM=... as CHECKPOINT=...
	@$(BIN)/python tools/gpu_collect.py $(FROM) --out $(CHECKPOINT)

clean: ## remove the virtual environment and what tools left behind
	rm -rf $(VENV) out build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

# A stamp per set of packages: made again only when what is to be installed changes.
$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "musegen needs Python 3.11 or newer, and '$(PYTHON)' is not that." >&2; \
	    echo "Name another one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { \
	    echo "No virtual environment could be made in $(VENV);" >&2; \
	    echo "on Debian and Ubuntu the package python3-venv is needed for that." >&2; exit 1; }
	@touch $@

$(VENV)/.play: $(VENV)/.made pyproject.toml constraints.txt
	@echo "Setting up $(VENV) (once, a minute or two) ..."
	@$(INSTALL) -e '.[audio]'
	@$(BIN)/python -m musegen.model.compiling
	@touch $@

$(VENV)/.dev: $(VENV)/.made pyproject.toml constraints.txt
	@echo "Setting up $(VENV) (once, a minute or two) ..."
	@$(INSTALL) -e '.[audio,dev]'
	@touch $@ $(VENV)/.play
