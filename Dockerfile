# An image that predicts: no torch, no compiler, no package cache, no root; the model is inside.
#
#   docker build --tag hornet .
#   docker run --rm --volume "$PWD:/data" hornet predict /data
#
# Any Debian-like base with Python 3.11 or newer, its venv module and useradd will do.
# A private package index is named in a pip.conf that no layer keeps:
#   docker build --secret id=pip.conf,src="$HOME/.config/pip/pip.conf" .
# and a certificate authority of its own comes as a second secret, ca.pem, which that pip.conf
# calls /run/secrets/ca.pem.
ARG BASE_IMAGE=python:3.12-slim

FROM ${BASE_IMAGE} AS builder
WORKDIR /src
# The packages go where they stay, since a virtual environment can't be moved; pip itself does not.
RUN python3 -m venv /opt/builder && python3 -m venv --without-pip /opt/hornet
COPY pyproject.toml README.md LICENSE ./
COPY hornet hornet
COPY models/hornet-resnet18.onnx models/
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    --mount=type=secret,id=ca.pem \
    /opt/builder/bin/pip wheel --no-cache-dir --no-deps --wheel-dir /tmp/wheel . \
    && /opt/builder/bin/pip --python /opt/hornet/bin/python install --no-cache-dir /tmp/wheel/*.whl

FROM ${BASE_IMAGE} AS runtime
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="hornet" \
      org.opencontainers.image.description="Tells whether an Asian hornet (Vespa velutina) is in a picture" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# A fixed number, so that clusters which demand a user other than root can see that it is none.
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /var/lib/hornet \
    --shell /usr/sbin/nologin hornet \
    && install --directory --owner=hornet --group=hornet /data /var/lib/hornet
COPY --from=builder /opt/hornet /opt/hornet
# Everything is compiled already, and the root may be read-only. Promoted models live in the
# registry: mount a volume there to keep them.
ENV PATH="/opt/hornet/bin:${PATH}" \
    PYTHONDONTWRITEBYTECODE=1 \
    ORT_DISABLE_TELEMETRY=1 \
    HORNET_REGISTRY=/var/lib/hornet
WORKDIR /data
USER 10001:10001
ENTRYPOINT ["hornet"]
CMD ["--help"]
