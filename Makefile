# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
HOME_DIR ?= demo
# Every locked package has a wheel here, but for two that need no compiler.
PLATFORMS := x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu aarch64-apple-darwin

# Compiled modules and rewritten tests are kept, even where the environment says otherwise: hundreds
# of commands that tests start do not compile the project again.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo install test test-all quick-tests all-tests bench bench-large mutants check coverage format docs site pictures lock clean

demo: install ## generate a sample world, run all its days, print what was released
	$(BIN)/audience demo --home $(HOME_DIR)

install: .venv/installed ## make .venv with the pinned dependencies, each checked by its hash

.venv/installed: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14) and "Python 3.11, 3.12 or 3.13 is needed; name one: make PYTHON=python3.13")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

check: install ## format, lint, types, direction of imports, Dagster's definitions
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	VIRTUAL_ENV=$(CURDIR)/.venv PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/dg check defs

test: install ## what every change has to pass
	$(MAKE) --no-print-directory --jobs 2 check quick-tests

test-all: install ## the same with simulations, kills and long comparisons
	$(MAKE) --no-print-directory --jobs 2 check all-tests

# Beside `check`, whose types and definitions keep one processor busy for a minute.
quick-tests: install
	TEST_CASES=few $(BIN)/pytest -n 2 --dist loadgroup -m "not slow"

all-tests: install
	$(BIN)/pytest -n 2 --dist loadgroup

coverage: install ## branch coverage of the quick tests, on the screen and in coverage/
	$(BIN)/pytest -n 2 --dist loadgroup -m "not slow" --cov --cov-report=term --cov-report=html

bench: install ## measure protection, exports, the database and a day; takes minutes, keeps the results
	$(BIN)/python benchmarks/recorded_runs.py minutes

bench-large: install ## the same at full size, then attacks, brute force, kills and hostile days; takes hours
	TEST_CASES=all $(BIN)/pytest -n 2 --dist loadgroup tests/audit tests/counting tests/suppression \
		tests/intake/test_campaign_links.py tests/release/test_killed_anywhere.py
	$(BIN)/python benchmarks/recorded_runs.py hours

mutants: install ## break the privacy path in one place after the other; tests have to see it; takes an hour
	$(BIN)/python benchmarks/mutations.py

format: install ## fix what a machine can fix
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: install ## write the generated pages again
	$(BIN)/audience policy reference > docs/policy-reference.md

site: install ## the documentation as a site in build/site; pages load nothing from elsewhere
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --clean --config-file website/mkdocs.yml

pictures: install ## docs/pictures, of a demo with a known key; needs Chromium, LibreOffice, pdftoppm
	$(BIN)/python website/drawings.py
	$(BIN)/python website/pictures.py

lock: install ## resolve pyproject.toml again, keeping versions that still fit; all new: make lock UPGRADE=--upgrade
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --all-extras --generate-hashes \
		--no-emit-index-url --no-annotate --no-strip-extras --custom-compile-command "make lock" $(UPGRADE) \
		--output-file requirements.lock pyproject.toml
	for python in 3.11 3.12 3.13; do for platform in $(PLATFORMS); do \
		$(BIN)/uv pip install --quiet --dry-run --target build --require-hashes --only-binary :all: \
			--no-binary antlr4-python3-runtime --no-binary pyspark --python-version $$python --python-platform $$platform \
			--requirement requirements.lock || exit 1; \
	done; done

clean: ## remove the demo and all caches
	rm -rf demo .venv .mypy_cache .ruff_cache .hypothesis coverage .coverage*
