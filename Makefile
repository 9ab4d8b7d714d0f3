# Every target makes .venv by itself. Two commands are enough for a newcomer: make demo, make test.
PYTHON ?= python3
BIN := .venv/bin
JOBS ?= 2
# Files stay together, and the long ones, which come first by name, begin first.
SPREAD := -n $(JOBS) --dist loadfile --no-loadscope-reorder
# What the coverage gate counts: tests/measured_plugin.py switches the measuring on for these files alone.
COVERED := tests/unit/domain $(wildcard tests/unit/credentials/test_credential_*.py) \
	tests/unit/importers/test_import_gtfs.py tests/unit/importers/test_import_feed_faults.py \
	tests/integration/store tests/integration/test_migrations.py \
	$(filter-out %_crash.py %_race.py,$(wildcard tests/integration/flows/test_*.py)) \
	$(filter-out %_promises.py,$(wildcard tests/integration/issuers/test_*.py))
# Whole houses of processes: they take the machine for themselves.
APART := tests/e2e tests/docs/test_docs_run.py
# The emulated carrier network, which knows nothing of tickets.
GATEWAY := tests/unit/wire tests/unit/gateway tests/integration/gateway
# What OpenAPI announces, asked for by chance and as its examples say.
FUZZ := tests/integration/http/test_http_fuzz.py tests/integration/http/test_http_examples.py tests/integration/issuers/test_issuer_promises.py
# Tests start many programs; without the compiled modules each compiles the house anew.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := all
.PHONY: all demo story test gateway fuzz interop browser e2e chaos check format bench lock clean

all: check test

.venv/made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Cyberticket needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Name another with make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv .venv
	@touch $@

.venv/runtime: .venv/made requirements.lock pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

.venv/dev: .venv/runtime requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

demo: .venv/runtime  ## the whole system with sample data, until Ctrl-C
	$(BIN)/cyberticket demo

story: .venv/runtime  ## the patent's ten steps, printed as they happen
	$(BIN)/cyberticket story

test: .venv/dev  ## every test but those of the targets below; 100 % branch coverage of app/domain and app/store
	rm -f .coverage .coverage.*
	CYBERTICKET_TEST_MEASURED="$(COVERED)" $(BIN)/python -m coverage run -m pytest $(SPREAD) tests $(patsubst %,--ignore=%,$(GATEWAY) $(FUZZ) tests/interop tests/browser tests/chaos $(APART))
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report --include='app/domain/*,app/store/*' --fail-under=100 --skip-covered --show-missing

gateway: .venv/dev  ## the carrier network: codecs, message centre, phones; 100 % branch coverage of mobile_gateway/wire
	rm -f .coverage .coverage.*
	CYBERTICKET_TEST_MEASURED="tests/unit/wire tests/unit/gateway/test_gsm_text.py" $(BIN)/python -m coverage run --source=mobile_gateway/wire -m pytest $(SPREAD) $(GATEWAY)
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report --include='mobile_gateway/wire/*' --fail-under=100 --skip-covered --show-missing

fuzz: .venv/dev  ## every route asked by chance and by its examples; CYBERTICKET_TEST_FUZZ_CASES says how often
	$(BIN)/python -m pytest $(SPREAD) $(FUZZ)

interop: .venv/dev  ## against Kannel, smpplib, Net::SMPP, Wireshark, libwbxml and zbar; .ci/run installs them
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile tests/interop

browser: .venv/dev  ## the pages and the gate's script in Chromium; .ci/run installs it
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile tests/browser

e2e: .venv/dev  ## the parties as processes of their own, hung and killed; the demo as the pages tell to use it
	$(BIN)/python -m pytest $(APART)

chaos: .venv/dev  ## every party killed, hung and restarted at every step of a purchase, while a crowd buys
	$(BIN)/python -m pytest tests/chaos

check: .venv/dev  ## format, lint, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: .venv/dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/dev  ## rates of sale, admission, availability and delivery beside pgbench's own; the message centre's; gates' snapshots; gates online, cut off, alone
	$(BIN)/python -m bench
	$(BIN)/python -m bench.smsc
	$(BIN)/python -m bench.snapshot
	$(BIN)/python -m bench.gates

lock: .venv/dev  ## renew both lock files; needs uv
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o requirements.lock pyproject.toml
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --group dev -o requirements-dev.lock pyproject.toml

clean:
	rm -rf .venv .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis screenshots dist
