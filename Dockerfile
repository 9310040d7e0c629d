# The image of one node, bureau or bank: the wheel is built in the first stage and only its installation is taken over.
# Not built or run where it was written (no container engine there): deploy/README.md says what was checked and how.
ARG PYTHON_IMAGE=python:3.11-slim

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /source
COPY requirements/build.txt requirements/runtime.txt requirements/
RUN python -m venv /build \
    && /build/bin/pip install --require-hashes --no-deps -r requirements/build.txt \
    && python -m venv /opt/banktax \
    && /opt/banktax/bin/pip install --require-hashes --no-deps -r requirements/runtime.txt
COPY pyproject.toml README.md CHANGELOG.md LICENSE LICENSES-OF-DEPENDENCIES.md ./
COPY protos protos
COPY protocols protocols
COPY node node
RUN /build/bin/python -m hatchling build -t wheel -d /wheels \
    && /opt/banktax/bin/pip install --no-deps --no-index /wheels/*.whl \
    && /opt/banktax/bin/pip check

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="banktax-node" \
      org.opencontainers.image.licenses="GPL-3.0-or-later"
RUN groupadd --gid 10001 banktax \
    && useradd --uid 10001 --gid 10001 --home-dir /var/lib/banktax --create-home --shell /usr/sbin/nologin banktax
COPY --from=build /opt/banktax /opt/banktax
ENV PATH=/opt/banktax/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    LANG=C.UTF-8 \
    BANKTAX_DIR=/var/lib/banktax/node
USER 10001:10001
WORKDIR /var/lib/banktax
VOLUME /var/lib/banktax
# 7601: a bureau's server for banks. The control API stays on the container's own loopback.
EXPOSE 7601
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 CMD ["banktax", "status", "--quiet"]
ENTRYPOINT ["banktax"]
CMD ["serve"]
