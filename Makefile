# make serve      a server with nothing to configure: its own PostgreSQL, blobs and worker under data/
# make test       all tests, against a real PostgreSQL, S3 server and OIDC provider
# make test-s3    all tests of the service with its blobs in S3
# make test-ceph  the blob store's tests against Ceph, which is installed (root, Debian)
# make check      formatting, lint, types, the order of the rooms
# make check-image  the steps of the Dockerfile without containers, and what comes of them run
# make check-stack  the deployment in containers: used, broken, stopped and started (Docker)
# make demo       the whole story against a fresh server: register, promote, review, apply, verify
# make bench      rates and latencies, beside their ceiling
# make lock       write requirements/*.txt anew from pyproject.toml (UPGRADE=1: newest versions)
# make clean      remove .venv and caches; data/ stays

PYTHON ?= python3
# More than cores: many tests wait for a database, an S3 server or a process of their own.
TEST_PROCESSES ?= 4
BIN := .venv/bin
# Long tests stand together: whoever has done its own share takes some of another's.
PYTEST = $(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist worksteal
TOUCHING_BYTES = tests/blobs tests/doctor tests/files tests/meta tests/versions \
	tests/promotions/test_duties.py
COMPILE = $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url \
	--no-header $(if $(UPGRADE),--upgrade)

.PHONY: serve test test-s3 test-ceph check check-image check-stack demo bench lock clean server-venv dev-venv test-venvs

serve: server-venv
	@exec $(BIN)/python -m app serve

# All tests with the store in a directory, and those that touch bytes once more with S3. Both runs
# are made, so that one look shows all there is to mend. With ARGS there is one run, as they say.
test: test-venvs
ifdef ARGS
	@exec $(PYTEST) $(ARGS)
else
	@failed=0; \
	$(PYTEST) || failed=1; \
	echo "== once more, with blobs in S3"; \
	$(PYTEST) --store s3 $(TOUCHING_BYTES) || failed=1; \
	exit $$failed
endif

test-s3: test-venvs
	@exec $(PYTEST) --store s3 $(ARGS)

test-ceph: dev-venv
	@$(BIN)/python -m tests.s3.ceph
	@exec $(PYTEST) --s3-server ceph tests/blobs/test_store_contract.py \
		$(wildcard tests/blobs/test_s3_*.py) $(ARGS)

# Every check runs, so that one look shows all there is to mend.
check: dev-venv
	@failed=0; \
	run() { echo "== $$*"; "$$@" || failed=1; }; \
	run $(BIN)/ruff format --check .; \
	run $(BIN)/ruff check .; \
	run $(BIN)/mypy; \
	run $(BIN)/lint-imports; \
	exit $$failed

check-image: dev-venv
	@exec $(BIN)/python deploy/check_image.py

check-stack: dev-venv
	@exec $(BIN)/python deploy/check_stack.py $(ARGS)

demo: dev-venv
	@exec $(BIN)/python examples/demo.py

bench: dev-venv
	@$(PYTHON) requirements/sync.py mlflow
	@exec $(BIN)/python -m benchmarks $(ARGS)

lock: dev-venv
	$(COMPILE) pyproject.toml -o requirements/server.txt
	$(COMPILE) pyproject.toml --group test --group check --group demo \
		-c requirements/server.txt -o requirements/dev.txt
	$(COMPILE) --group pyproject.toml:lock -o requirements/uv.txt
	$(COMPILE) requirements/swift.in -o requirements/swift.txt
	$(COMPILE) requirements/canaille.in -o requirements/canaille.txt
	$(COMPILE) requirements/mlflow.in -o requirements/mlflow.txt

clean:
	rm -rf .venv .run .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

server-venv:
	@$(PYTHON) requirements/sync.py server

dev-venv:
	@$(PYTHON) requirements/sync.py dev

test-venvs: dev-venv
	@$(PYTHON) requirements/sync.py swift
	@$(PYTHON) requirements/sync.py canaille
