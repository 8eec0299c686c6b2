# syntax=docker/dockerfile:1
# The image of the controller: non-root, read-only root; the program, its Python and the
# libraries that these are linked with, no shell, no compiler, no package manager.
#
#   docker buildx build --platform linux/amd64,linux/arm64 --sbom=true --provenance=true -t gatewright:VERSION .
#
# A step of the build lists the Python packages that are inside, with versions, licences
# and what depends on what: /usr/share/gatewright/sbom.cdx.json (CycloneDX).
# What comes from Debian stands in /var/lib/dpkg/status.d, where `--sbom=true` (SPDX) and
# scanners look.

ARG PYTHON=3.13

FROM python:${PYTHON}-slim-bookworm AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY constraints.txt ./
RUN python -m venv /opt/gatewright \
    && /opt/gatewright/bin/pip install --no-cache-dir -c constraints.txt pip setuptools wheel cython
COPY . .
# Compiled for the target by its own compiler; --no-build-isolation keeps the pins.
RUN /opt/gatewright/bin/pip install --no-cache-dir --no-build-isolation -c constraints.txt .
# Only what is used becomes the image, tried in its own root; then the list of it.
RUN /opt/gatewright/bin/python tools/image_root.py /opt/gatewright /opt/image
RUN python -m venv /opt/sbom \
    && /opt/sbom/bin/pip install --no-cache-dir --no-deps -r tools/sbom.txt \
    && mkdir -p /opt/image/usr/share/gatewright \
    && /opt/sbom/bin/cyclonedx-py environment --output-reproducible --of JSON \
       -o /opt/image/usr/share/gatewright/sbom.cdx.json /opt/image/opt/gatewright/bin/python

FROM scratch
LABEL org.opencontainers.image.title="gatewright" \
      org.opencontainers.image.description="Policies for Kubernetes admission: a drop-in for OPA Gatekeeper" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/image /
ENV PATH=/opt/gatewright/bin \
    LANG=C.UTF-8 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 1000:999
EXPOSE 8443 8888 9090
ENTRYPOINT ["gatewright"]
CMD ["--help"]
