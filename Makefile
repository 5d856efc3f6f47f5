# make run [PORT=9000]   a demo server in .demo/, from a machine with only Python 3.11 or newer and make
# make test [ARGS=…]     all checks, then all tests (REQUIRE_CLIENTS=1: a missing foreign client is a failure)
# make check             style, types, laws between the rooms, weak patterns (bandit), the list of parts, their known
#                        vulnerabilities (pip-audit) if somebody answers
# make sbom              what the program is made of, with versions and hashes (CycloneDX): dist/gremium.cdx.json
# make audit             are known vulnerabilities among the parts? As in check, but it fails where nobody can be asked
# make soak [ARGS=…]     faults, attacks and load in their long forms; some hours, as root, with loop devices
# make bench [ARGS=…]    the same work on our server and on others; ARGS="--only GET --seconds 1";
#                        ARGS=--rights, --sync, --reading, --finding, --encrypting, --folders or --city: of ours alone
# make docs-pictures    a picture of every page of the portal into docs/pictures/ (needs Chromium)
# make mutants [ARGS=…]  changes the decision's code in each way that cosmic-ray knows; lists what no test notices (hours)
# make lock [UPGRADE=1]  resolve the dependencies anew and write their hashes

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
ARGS ?=

RUN_READY := $(VENV)/run.ready
TEST_READY := $(VENV)/test.ready
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
LOCKED := $(INSTALL) --require-hashes --no-build-isolation
RESOLVE := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate \
	--python-version 3.11 $(if $(UPGRADE),--upgrade)

DECISION := engine weighing standing lending rules labels

.PHONY: run test soak check sbom audit bench docs-pictures mutants lock clean
.DEFAULT_GOAL := run

run: $(RUN_READY)
	@exec $(BIN)/davserver demo --data .demo/data $(if $(PORT),--port $(PORT))

# Two processes at a time; then, one by one, what measures time. Exit code 5: ARGS chose no test of that kind.
test: check
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --durations=20 -m "not alone" $(ARGS) || test $$? -eq 5
	$(BIN)/python -m pytest -m alone $(ARGS) || test $$? -eq 5

# One after the other: what measures memory and time has the machine for itself.
SOAKED := tests/faults tests/security tests/operations tests/shares tests/rights/test_oracle.py \
	tests/dav/test_interrupted_uploads.py tests/dav/test_lock_floods.py tests/clients/test_five_mirrors.py \
	tests/clients/test_rclone.py tests/clients/test_tls_scan.py tests/portal/test_hostile.py

soak: $(TEST_READY)
	SOAK=1 $(BIN)/python -m pytest $(or $(ARGS),$(SOAKED)) --durations=20

check: $(TEST_READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml davserver acl shareproviders
	@$(MAKE) --no-print-directory sbom
	@$(BIN)/python -m tests.security.audit

# Made from the lock alone, without the network; the same lock gives the same file.
sbom: $(TEST_READY)
	@mkdir -p dist
	$(BIN)/python -W ignore -m cyclonedx_py requirements config/requirements.lock --pyproject pyproject.toml \
		--output-reproducible --short-PURLs --validate -o dist/gremium.cdx.json

audit: $(TEST_READY)
	REQUIRE_AUDIT=1 $(BIN)/python -m tests.security.audit

bench: $(TEST_READY)
	$(BIN)/python -m tests.bench $(ARGS)

docs-pictures: $(TEST_READY)
	$(BIN)/python -m tests.portal.pictures

mutants: $(TEST_READY)
	PYTHONPATH=. $(BIN)/python tests/acl/mutants.py $(or $(ARGS),$(DECISION:%=acl/%.py))

lock: $(BIN)/python
	$(INSTALL) uv
	$(RESOLVE) --group build -o config/build.lock
	$(RESOLVE) --extra demo -c config/build.lock -o config/requirements.lock pyproject.toml
	$(RESOLVE) --extra granian -c config/build.lock -c config/requirements.lock -o config/granian.lock pyproject.toml
	$(RESOLVE) --extra demo --extra dev -c config/build.lock -c config/requirements.lock -o tests/requirements.lock pyproject.toml

clean:
	rm -rf $(VENV) .demo dist build

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "Gremium needs Python 3.11 or newer as '$(PYTHON)'; install it, or name another one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "this Python cannot make virtual environments; install them (Debian: apt install python3-venv)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# The build tools come first: odfpy is published as source only, and what builds it must be locked as well.
$(RUN_READY): config/build.lock config/requirements.lock pyproject.toml | $(BIN)/python
	$(LOCKED) -r config/build.lock
	$(LOCKED) -r config/requirements.lock
	$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(TEST_READY): tests/requirements.lock $(RUN_READY)
	$(LOCKED) -r tests/requirements.lock
	@touch $@
