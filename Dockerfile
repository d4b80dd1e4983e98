# One image for every role; the command chooses. On a GPU host build with
#   docker build .                                     (CUDA wheel from PyPI)
# and on a CPU-only host, to save gigabytes, with
#   docker build --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cpu .
# The base by its digest, which `make images` renews; the tag is for the reader.
ARG PYTHON_IMAGE=python:3.11-slim@sha256:90744cff8f32887f075c47d747a173ff333e9e98801667af93c357fa9f5e28ff
FROM ${PYTHON_IMAGE} AS build
ARG TORCH_INDEX=""
WORKDIR /source
# Nothing is installed whose sha256 is not in the lock; see packaging/lock/write.py.
ENV PIP_REQUIRE_HASHES=1 PIP_NO_DEPS=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY packaging/lock packaging/lock
RUN python -m venv /venv \
    && (test -z "$TORCH_INDEX" \
        || /venv/bin/pip install --index-url "$TORCH_INDEX" -r packaging/lock/torch-cpu.txt) \
    && /venv/bin/pip install -r packaging/lock/image.txt \
    && (/venv/bin/python packaging/lock/accelerator.py \
        || /venv/bin/pip install -r packaging/lock/gpu.txt)
# The documentation site is built apart: nothing of what builds it is in the image.
RUN python -m venv /site && /site/bin/pip install -r packaging/lock/docs.txt
COPY pyproject.toml README.md LICENSE mkdocs.yml ./
COPY docs docs
COPY benchmarks/results benchmarks/results
COPY packaging/server packaging/server
COPY minimascope minimascope
COPY backend backend
COPY dashboard dashboard
COPY workers workers
RUN /site/bin/python -m mkdocs build
ENV PIP_REQUIRE_HASHES=0 PIP_NO_INDEX=1
RUN /venv/bin/pip wheel --no-build-isolation -w /wheels . ./packaging/server \
    && /venv/bin/pip install /wheels/*.whl

FROM ${PYTHON_IMAGE}
RUN useradd --create-home --uid 10001 minimascope && mkdir /data && chown minimascope /data
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 MINIMASCOPE_DATA_DIR=/data
USER minimascope
WORKDIR /app
VOLUME /data
EXPOSE 8717
# A running job is handed back before the process ends.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8717/api/v1/health/live', timeout=4)"]
CMD ["minimascope", "serve", "--host", "0.0.0.0"]
