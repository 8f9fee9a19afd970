# WizChat. `make run` and `make test` work in a fresh clone.
PYTHON ?= python3

BIN := .venv/bin
RUN := .venv/.installed
DEV := .venv/.installed-dev
BENCH := .venv-bench/.installed
# Installs only what a lock file lists, and only if its hash matches.
PIP := python -m pip install -qq --disable-pip-version-check --require-hashes
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras \
	--no-header --no-emit-index-url
# The tests start hundreds of processes; without bytecode files, each would compile all modules.
unexport PYTHONDONTWRITEBYTECODE
# Linters and type checkers load the settings; they never serve anything.
LOAD := DEBUG=on HTTPS_ONLY=on

.PHONY: help run browser test test-services lint format types migrations deploy check bench bench-quick screenshots update lock images
.NOTPARALLEL:
.DELETE_ON_ERROR:

help:
	@sed -n 's/^\([a-z-]*\):.*## /  make \1 \t/p' Makefile | expand -t 20

run: $(RUN) ## serve it on http://127.0.0.1:8000 (HOST, PORT)
	@$(BIN)/python -m scripts.run

browser: $(DEV)
	@$(BIN)/python -m scripts.browser

test: $(DEV) browser ## every test, including those in the browser (ARGS for pytest)
	$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

lint: $(DEV)
	$(BIN)/ruff check
	$(BIN)/ruff format --check

format: $(DEV) ## format the code
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

types: $(DEV)
	$(LOAD) $(BIN)/mypy .

migrations: $(DEV)
	$(LOAD) DATABASE_URL=sqlite://:memory: $(BIN)/python manage.py makemigrations --check --dry-run

deploy: $(DEV) # production settings, with a SECRET_KEY as long as the one that `make run` writes
	DEBUG=off HTTPS_ONLY=on ALLOWED_HOSTS=api.example.com EMAIL_URL=smtp+tls://mail.example.com:587 SECRET_KEY=$$($(BIN)/python -c "import secrets; print(secrets.token_urlsafe(50))") \
		$(BIN)/python manage.py check --deploy --fail-level WARNING

test-services: $(DEV) browser ## every test on PostgreSQL and Redis, started for the run, and what happens when they fail
	$(BIN)/python -m scripts.services $(ARGS)
	$(BIN)/python -m pytest -n auto -m slow

check: lint types migrations deploy test test-services bench-quick ## what CI runs

bench-quick: $(BENCH)
	.venv-bench/bin/python -m bench --quick

bench: $(BENCH) ## compare WizChat with similar packages; writes docs/benchmarks.md (ARGS=requests: only whole requests)
	.venv-bench/bin/python -m bench $(ARGS)

screenshots: $(DEV) browser ## save every page, light and dark, narrow and wide, to var/screenshots/
	$(BIN)/python -m testing.browser.screenshots $(ARGS)

update: lock images ## lock every package with its hashes and every image by its digest (ARGS=--upgrade: the newest ones)

# The server's lock constrains the others, so tests and benchmarks run on the server's versions.
lock: $(DEV)
	$(BIN)/$(LOCK) $(ARGS) requirements.txt -o requirements.lock
	$(BIN)/$(LOCK) $(ARGS) --constraints requirements.lock requirements-dev.txt -o requirements-dev.lock
	$(BIN)/$(LOCK) $(ARGS) --constraints requirements.lock requirements-bench.txt -o requirements-bench.lock

images: $(DEV)
	$(BIN)/python -m scripts.images

# A Python without ensurepip (Debian has it in python3-venv) creates half an environment, without pip.
# The target is pip, so make tries again after that.
$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "WizChat needs Python 3.11 or newer, but $(PYTHON) is: $$($(PYTHON) --version 2>&1)." >&2; \
		echo "Choose another one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "Could not create .venv; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }

$(RUN): requirements.lock | $(BIN)/pip
	@echo "Installing what the server needs …"
	@$(BIN)/$(PIP) -r requirements.lock
	@touch $@

$(DEV): requirements-dev.lock $(RUN)
	@echo "Installing what the tests need …"
	@$(BIN)/$(PIP) -r requirements-dev.lock
	@touch $@

.venv-bench/bin/pip: | $(BIN)/pip
	@$(PYTHON) -m venv .venv-bench

$(BENCH): requirements-bench.lock | .venv-bench/bin/pip
	@echo "Installing what the benchmarks need …"
	@.venv-bench/bin/$(PIP) -r requirements-bench.lock
	@touch $@
