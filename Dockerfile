# syntax=docker/dockerfile:1
# Two stages: the first has what builds, the second only what runs. Every package is
# pinned by version and hash in requirements.lock and requirements-build.lock (make lock).
#
#   docker build -t upload-proxy --build-arg REVISION="$(git rev-parse HEAD)" .
#   docker run --read-only -p 8080:8080 -v spool:/var/spool/upload-proxy \
#       -e UPLOAD_PROXY_ORIGIN__URL=http://legacy:3000 upload-proxy

ARG PYTHON=3.13-slim-trixie

FROM python:${PYTHON} AS build
ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY requirements.lock requirements-build.lock ./
# The venv that is shipped has no pip: the one of this stage fills it.
RUN python -m pip install --require-hashes --no-deps -r requirements-build.lock \
    && python -m venv --without-pip /opt/upload-proxy \
    && python -m pip --python /opt/upload-proxy/bin/python install \
        --require-hashes --no-deps --only-binary :all: -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY docs/man/ docs/man/
COPY proxy/ proxy/
RUN python -m pip wheel --no-deps --no-build-isolation --wheel-dir /tmp/wheels . \
    && python -m pip --python /opt/upload-proxy/bin/python install \
        --no-deps --no-index /tmp/wheels/*.whl

FROM python:${PYTHON}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="resumable-upload-proxy" \
      org.opencontainers.image.description="A reverse proxy that gives any existing upload endpoint resumable uploads" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0"
# The root file system may be read-only: byte code was compiled when the packages were
# installed, and nothing is written outside the spool. XDG_STATE_HOME makes the volume
# the default of spool.directory, which a configuration file can still change.
ENV PATH=/opt/upload-proxy/bin:$PATH \
    BUILD_REVISION=${REVISION} \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    XDG_STATE_HOME=/var/spool
RUN groupadd --gid 10001 upload-proxy \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent \
        --shell /usr/sbin/nologin upload-proxy \
    && install -d -o 10001 -g 10001 -m 0700 /var/spool/upload-proxy
COPY --from=build /opt/upload-proxy /opt/upload-proxy
COPY config/container.yaml /etc/upload-proxy/config.yaml
USER 10001:10001
VOLUME ["/var/spool/upload-proxy"]
EXPOSE 8080 9090
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
    CMD ["upload-proxy", "healthcheck"]
ENTRYPOINT ["upload-proxy"]
CMD ["serve", "--config", "/etc/upload-proxy/config.yaml"]
