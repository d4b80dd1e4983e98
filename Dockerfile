# One image for every role; the command chooses. On a GPU host build with
#   docker build --build-arg TORCH_INDEX= .            (default: CUDA wheel from PyPI)
# and on a CPU-only host with the CPU wheel index of PyTorch to save gigabytes.
FROM python:3.11-slim AS build
ARG TORCH_INDEX=""
WORKDIR /source
COPY pyproject.toml constraints.txt README.md ./
COPY packaging packaging
COPY minimascope minimascope
COPY backend backend
COPY dashboard dashboard
COPY workers workers
RUN pip wheel --no-cache-dir --no-deps -w /wheels . ./packaging/server
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir -c constraints.txt \
       ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} \
       "$(echo /wheels/minimascope-*.whl)[images,parquet]" \
       "$(echo /wheels/minimascope_server-*.whl)[otel,postgres,s3]"

FROM python:3.11-slim
RUN useradd --create-home --uid 10001 minimascope && mkdir /data && chown minimascope /data
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 MINIMASCOPE_DATA_DIR=/data
USER minimascope
WORKDIR /app
VOLUME /data
EXPOSE 8717
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8717/api/v1/health/live', timeout=4)"]
CMD ["minimascope", "serve", "--host", "0.0.0.0"]
