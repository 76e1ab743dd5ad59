# One command each; every target sets the machine up by itself. A second run starts at once.
SHELL := /bin/sh
STAMP := .venv/.set-up
BIN := .venv/bin
DEMO := assets/demo.mp4
OUT := out

.PHONY: help setup models run test check lint types floors format bench bah docs clean

help: ## show this
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

setup: $(STAMP) ## system packages, .venv, Python packages, model files

$(STAMP): pyproject.toml constraints.txt tools/setup.sh
	@PYTHON="$(PYTHON)" sh tools/setup.sh
	@touch $@

models: $(STAMP)
	@$(BIN)/ahdetect assets pull --quiet

run: models ## analyse the demo clip and say where its timeline is
	@$(BIN)/ahdetect analyze $(DEMO) --out $(OUT)
	@printf 'The timeline: %s\n' $$(find "$(CURDIR)/$(OUT)" -name timeline.png)

test: models ## run the tests; ARGS="-k cue -x" goes to pytest
	$(BIN)/python -m pytest $(ARGS)

check: lint types floors ## lint, format, types, floors

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP) ## mypy --strict on the staged tree, where import path and folder agree
	$(BIN)/python tools/stage_tree.py
	cd build/tree && ../../$(BIN)/mypy --config-file ../../pyproject.toml --cache-dir ../../.mypy_cache -p ahdetect

floors: $(STAMP) ## imports go downward only
	$(BIN)/python tools/stage_tree.py
	cd build/tree && ../../$(BIN)/lint-imports --config ../../pyproject.toml --cache-dir ../../.import_linter_cache --no-logo

format: $(STAMP) ## mend what ruff can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: models ## play the demo clip in real time through the live path and print what it costs
	$(BIN)/ahdetect bench realtime --video $(DEMO) --seconds 60

bah: models ## from a release of BAH to a results table: make bah BAH=/data/BAH_DB OUT=out/bah
	@test -n "$(BAH)" || { echo 'name the release: make bah BAH=/data/BAH_DB'; exit 2; }
	$(BIN)/ahdetect extract "$(BAH)" --out "$(OUT)/cues" $(ENGINE) || [ $$? -eq 4 ] # some clips could not be read: failures.json
	$(BIN)/ahdetect train fusion --data "$(OUT)/cues" --out "$(OUT)/fusion" --resume $(if $(CONFIG),--config "$(CONFIG)") $(ENGINE)
	$(BIN)/ahdetect evaluate fusion --data "$(OUT)/cues" --model "$(OUT)/fusion" --out "$(OUT)/results.md"

docs: $(STAMP) ## build the documentation into site/
	$(BIN)/python tools/stage_tree.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

clean: ## remove what was built, not .venv and not the model files
	rm -rf build dist site out .mypy_cache .ruff_cache .pytest_cache .import_linter_cache *.egg-info
