# Two images: one that predicts and serves (no torch, no compiler, no package cache, no root; the model
# is inside), and one that trains. How they are used, refreshed and checked: docs/container.md.
#
#   docker build --tag hornet .
#   docker run --rm --volume "$PWD:/data" hornet predict /data
#   docker run --rm --publish 8000:8000 hornet
#   docker build --target train --tag hornet-train .
#
# The base is a tag, so that a rebuild brings Debian's security fixes; whoever wants the same bytes each
# time names a digest: --build-arg BASE_IMAGE=python:3.11-slim-bookworm@sha256:...
# It has the Debian and the Python that image_test.sh tests; any base with Python 3.11, its venv
# module and useradd will do.
#
# A private package index is named in a pip.conf that no layer keeps:
#   docker build --secret id=pip.conf,src="$HOME/.config/pip/pip.conf" .
# and a certificate authority of its own comes as a second secret, ca.pem, which that pip.conf
# calls /run/secrets/ca.pem.
ARG BASE_IMAGE=python:3.11-slim-bookworm

FROM ${BASE_IMAGE} AS builder
WORKDIR /src
# The packages go where they stay, since a virtual environment can't be moved; pip itself does not.
RUN python3 -m venv /opt/builder && python3 -m venv --without-pip /opt/hornet
# Before the code, so that a change of code fetches nothing. Only wheels whose hashes are written down.
COPY requirements requirements
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    --mount=type=secret,id=ca.pem \
    /opt/builder/bin/pip install --no-cache-dir --require-hashes --only-binary :all: \
        --requirement requirements/build.txt \
    && /opt/builder/bin/pip --python /opt/hornet/bin/python install --no-cache-dir --require-hashes \
        --only-binary :all: --requirement requirements/serve.txt
COPY pyproject.toml README.md LICENSE ./
COPY hornet hornet
COPY models/hornet-resnet18.onnx models/SHA256SUMS models/
RUN /opt/builder/bin/pip wheel --no-cache-dir --no-index --no-deps --no-build-isolation --wheel-dir /tmp/wheel . \
    && /opt/builder/bin/pip --python /opt/hornet/bin/python install --no-cache-dir --no-index --no-deps /tmp/wheel/*.whl \
    && /opt/builder/bin/pip --python /opt/hornet/bin/python check

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
EXPOSE 8000
STOPSIGNAL SIGTERM
# Straight to this machine, whatever proxy is set; -I, so that no file of /data is imported.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-I", "-c", "import http.client, os, sys; c = http.client.HTTPConnection('127.0.0.1', int(os.environ.get('HORNET_PORT') or 8000), timeout=4); c.request('GET', '/v2/health/ready'); sys.exit(c.getresponse().status != 200)"]
ENTRYPOINT ["hornet"]
CMD ["serve", "--host", "0.0.0.0"]

# Never built unless it is asked for: gigabytes. PyTorch is the build for CPUs, from its makers' index,
# at the version that the tests run with; these packages have no hashes written down.
FROM builder AS train-builder
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    --mount=type=secret,id=ca.pem \
    /opt/builder/bin/pip --python /opt/hornet/bin/python install --no-cache-dir --no-deps --only-binary :all: \
        --index-url "${TORCH_INDEX}" --requirement requirements/torch.txt \
    && /opt/builder/bin/pip --python /opt/hornet/bin/python install --no-cache-dir --only-binary :all: \
        "$(echo /tmp/wheel/*.whl)[train]"

FROM runtime AS train
COPY --from=train-builder /opt/hornet /opt/hornet
# Decoded pictures would fill the container; a volume and HORNET_CACHE keep them.
ENV HORNET_CACHE=none
HEALTHCHECK NONE
CMD ["train", "--help"]

# What a build without --target gives.
FROM runtime AS default
