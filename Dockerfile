# syntax=docker/dockerfile:1
# The image of the controller: non-root, read-only root, no compiler, no package manager's cache.
#
#   docker buildx build --platform linux/amd64,linux/arm64 --sbom=true --provenance=true -t gatewright:VERSION .
#
# A step of the build lists the Python packages that are inside, with versions, licences
# and what depends on what: /usr/share/gatewright/sbom.cdx.json (CycloneDX).
# `--sbom=true` attaches what the base image holds, too (SPDX).

ARG PYTHON=3.13

FROM python:${PYTHON}-slim-bookworm AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY constraints.txt ./
RUN python -m venv /opt/gatewright \
    && /opt/gatewright/bin/pip install --no-cache-dir -c constraints.txt pip setuptools wheel cython
COPY . .
# Compiled for the target by its own compiler; --no-build-isolation keeps the pins.
RUN /opt/gatewright/bin/pip install --no-cache-dir --no-build-isolation -c constraints.txt . \
    && /opt/gatewright/bin/pip uninstall -y cython setuptools wheel \
    && /opt/gatewright/bin/pip uninstall -y pip \
    && find /opt/gatewright -name __pycache__ -prune -exec rm -rf {} + \
    && /opt/gatewright/bin/python -m compileall -q /opt/gatewright/lib
RUN python -m venv /opt/sbom \
    && /opt/sbom/bin/pip install --no-cache-dir --no-deps -r tools/sbom.txt \
    && /opt/sbom/bin/cyclonedx-py environment --output-reproducible --of JSON \
       -o /opt/gatewright/sbom.cdx.json /opt/gatewright/bin/python

FROM python:${PYTHON}-slim-bookworm
LABEL org.opencontainers.image.title="gatewright" \
      org.opencontainers.image.description="Policies for Kubernetes admission: a drop-in for OPA Gatekeeper" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/gatewright /opt/gatewright
COPY --from=build /opt/gatewright/sbom.cdx.json /usr/share/gatewright/sbom.cdx.json
ENV PATH=/opt/gatewright/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 1000:999
EXPOSE 8443 8888 9090
ENTRYPOINT ["gatewright"]
CMD ["--help"]
