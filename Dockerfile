# Stageward: `docker build -t stageward .`, then `serve` (the default), `worker`, `migrate`, `doctor`.
# docs/deployment.md says how to run it. The Python is the one that the test suite runs on.
ARG PYTHON_IMAGE=python:3.11.17-slim-trixie

# -- the environment: wheels only, each with the hash that the lock file pins; nothing is compiled

FROM ${PYTHON_IMAGE} AS builder
# Another package index than pip's own, where a network needs one: --build-arg PIP_INDEX_URL=…
ARG PIP_INDEX_URL
ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /opt/stageward
COPY requirements/server.txt requirements/
# The pip of the image installs into an environment that has none itself.
RUN python -m venv --without-pip venv && \
    python -m pip --python venv/bin/python install \
        --require-hashes --only-binary=:all: -r requirements/server.txt
COPY app app
COPY migrations migrations
COPY deploy/health.py deploy/
# The result may be read-only: what Python would write at the first start is written now.
RUN python -m compileall -q app migrations deploy

# -- the result: Python, that environment, the server

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="Stageward" \
      org.opencontainers.image.description="A self-hosted registry for machine learning models" \
      org.opencontainers.image.version="0.1.0"
# A user with the same number in every build, so that volumes keep their owner; and no installer:
# nothing is added from here on.
RUN groupadd --gid 10001 stageward && \
    useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data \
        --shell /usr/sbin/nologin stageward && \
    install -d -o 10001 -g 10001 -m 0700 /data && \
    python -m pip uninstall --yes --root-user-action=ignore pip setuptools wheel
COPY --from=builder /opt/stageward /opt/stageward
WORKDIR /opt/stageward
ENV PATH=/opt/stageward/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    STAGEWARD_HOST=0.0.0.0 \
    STAGEWARD_DATA_DIR=/data \
    STAGEWARD_LOG_FORMAT=json
USER 10001:10001
VOLUME ["/data"]
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "deploy/health.py", "serve"]
ENTRYPOINT ["python", "-m", "app"]
CMD ["serve"]
