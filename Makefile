# Every target does its own set-up: Python 3.11, a C++ compiler and make are enough. `make help` lists them.

PYTHON ?= python3.11 python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
# ON makes the compiler's warnings errors (CI does); whoever has a newer compiler than ours is not to suffer from it.
WERROR ?= OFF

CORE := $(shell find core -type f -not -path 'core/test/*')
FORMATTED := $(shell find core -name '*.cpp' -o -name '*.h')
BENCHES := $(filter-out bench.__init__ bench.harness bench.layers bench.tables,$(subst /,.,$(basename $(wildcard bench/*.py))))
SHAPES = $(BIN)/python -m pytest --jaxtyping-packages=striate,shape_checker.checked -m "not refusal and not slow and not traced"
TENSORS := ops nn models tasks data train evaluate explain compile rivals
FIRST := rivals explain evaluate recipes cli train models tasks
FOUND := $(firstword $(foreach p,$(PYTHON),$(shell $(p) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(p))))
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq

# The tools of the virtual environment (cmake, ninja, clang-format, node) come before the machine's own.
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: demo test test-1 test-2 check shapes shapes-1 shapes-2 format bench figures looks pages core-test core-test-neon stub clean help

demo: $(VENV)/.core  ## train on the handwritten digits, judge, show the report
	@$(BIN)/python examples/01_digits.py

test: $(VENV)/.core  ## run every test (ARGS="-k resume" to choose)
	@$(BIN)/python -m pytest $(ARGS)

check: $(VENV)/.core  ## format, lint, types, import contract; changes nothing
	@$(BIN)/ruff format --check
	@$(BIN)/ruff check
	@$(BIN)/basedpyright --pythonpath $(BIN)/python
	@$(BIN)/lint-imports
	@$(BIN)/clang-format --dry-run -Werror $(FORMATTED)

shapes: $(VENV)/.core  ## run the tests of all that takes tensors, every annotated shape checked at every call
	@$(SHAPES) $(addprefix tests/,$(TENSORS)) $(ARGS)

# The same in parts of about equal length, for `make -j 3 test-1 test-2 shapes-1 shapes-2`: CI's way to use its cores.
test-1: $(VENV)/.core
	@$(BIN)/python -m pytest $(addprefix tests/,$(FIRST))
test-2: $(VENV)/.core
	@$(BIN)/python -m pytest $(addprefix --ignore=tests/,$(FIRST))
# Under the checker explain is left to `make shapes`: its tests are the longest, and nothing is built on it.
shapes-1: $(VENV)/.core
	@$(SHAPES) $(addprefix tests/,$(filter compile models,$(TENSORS)))
shapes-2: $(VENV)/.core
	@$(SHAPES) $(addprefix tests/,$(filter-out compile explain models,$(TENSORS)))

format: $(VENV)/.packages  ## write Python and C++ in the one form
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix
	@$(BIN)/clang-format -i $(FORMATTED)

bench: $(VENV)/.core  ## run the benchmarks, record them, renew the tables in the docs
	@for module in $(BENCHES); do echo "benchmark $$module"; $(BIN)/python -m $$module || exit 1; done
	@$(BIN)/python -m bench.tables

figures: $(VENV)/.core  ## draw the pictures of docs/every_convolution.md and of the engine's speed, and the table of docs/weights.md, anew
	@$(BIN)/python -m docs.draw
	@$(BIN)/python -m docs.speed
	@$(BIN)/python -m docs.race
	@$(BIN)/python docs/list_weights.py

looks: $(VENV)/.core  ## make the pictures of docs/explain.md anew; takes some minutes
	@$(BIN)/python -m docs.looks

pages: $(VENV)/.core  ## write docs/models.md anew from the networks
	@$(BIN)/python -m docs.networks

core-test: $(VENV)/.packages  ## run the core's own test under the address and undefined-behaviour sanitizers
	@cmake -S . -B build/core-test -G Ninja -DSTRIATE_TEST=ON -DSTRIATE_WERROR=$(WERROR) > /dev/null
	@cmake --build build/core-test > build/core-test/log || { cat build/core-test/log; exit 1; }
	@build/core-test/machine_test
	@build/core-test/conv_test
	@build/core-test/spectra_test
	@build/core-test/pool_test
	@build/core-test/unshared_test
	@build/core-test/program_test

NEON := aarch64-linux-gnu
core-test-neon: $(VENV)/.packages  ## the same of NEON's kernels on an emulated Arm (Debian: g++-aarch64-linux-gnu, qemu-user)
	@cmake -S . -B build/core-test-neon -G Ninja -DSTRIATE_TEST=ON -DSTRIATE_SANITIZE=OFF -DSTRIATE_WERROR=$(WERROR) \
	  -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 -DCMAKE_CXX_COMPILER=$(NEON)-g++ > /dev/null
	@cmake --build build/core-test-neon > build/core-test-neon/log || { cat build/core-test-neon/log; exit 1; }
	@qemu-aarch64 -L /usr/$(NEON) build/core-test-neon/machine_test
	@qemu-aarch64 -L /usr/$(NEON) build/core-test-neon/conv_test
	@qemu-aarch64 -L /usr/$(NEON) build/core-test-neon/spectra_test
	@qemu-aarch64 -L /usr/$(NEON) build/core-test-neon/pool_test
	@qemu-aarch64 -L /usr/$(NEON) build/core-test-neon/unshared_test
	@qemu-aarch64 -L /usr/$(NEON) build/core-test-neon/program_test

stub: $(VENV)/.core  ## write the core's Python signatures anew after a change in core/binding/
	@$(BIN)/python -c 'import torch, nanobind.stubgen as s; s.main(["-q", "-m", "striate._engine", "-o", "src/striate/_engine.pyi"])'
	@$(BIN)/ruff format -q src/striate/_engine.pyi

clean:  ## remove what make made, except runs/
	rm -rf $(VENV) build .pytest_cache .ruff_cache .import_linter_cache

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*  ## /\1\t/p' Makefile | expand -t 12

# Stamps: each says that a step was completed, so an interrupted one is done again and a completed one never.

$(VENV)/.created:
	@test -n "$(FOUND)" || { echo "Striate needs Python 3.11 or later, and finds none as '$(PYTHON)'. Name one: make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "creating $(VENV) with $$($(FOUND) --version)"
	@$(FOUND) -m venv --clear $(VENV)
	@touch $@

$(VENV)/.packages: constraints.txt oracles.txt | $(VENV)/.created
	@echo "installing pinned packages (about 1.5 GB, some minutes the first time)"
	@# torch first, by pip alone: what comes after finds it there and asks for no other build.
	@$(PIP) install -c constraints.txt torch
	@$(PIP) install -r constraints.txt
	@$(PIP) install --no-deps --upgrade --target $(VENV)/oracles -r oracles.txt
	@touch $@

$(VENV)/.core: $(VENV)/.packages CMakeLists.txt pyproject.toml $(CORE)
	@command -v $${CXX:-c++} > /dev/null || { echo "Striate needs a C++20 compiler, and finds none as '$${CXX:-c++}'. Install one (Debian: apt install g++), or name it: make CXX=/path/to/g++"; exit 1; }
	@echo "building the core"
	@$(PIP) install --no-build-isolation --no-deps -C cmake.define.STRIATE_WERROR=$(WERROR) -e .
	@touch $@
