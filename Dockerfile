FROM python:3.13-slim AS build
WORKDIR /src
# The model first: it changes least.
COPY packages/luma-rag-minilm packages/luma-rag-minilm
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels/model packages/luma-rag-minilm
COPY packages/luma-client packages/luma-client
COPY pyproject.toml README.md LICENSE ./
COPY ingest ingest
COPY migrations migrations
COPY luma_rag luma_rag
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels/luma packages/luma-client .

FROM python:3.13-slim
ENV LUMA_DATA_DIR=/data PYTHONUNBUFFERED=1
RUN useradd --uid 10001 --create-home luma && install --directory --owner luma /data
COPY requirements-ocr.lock /tmp/
RUN pip install --no-cache-dir --no-deps --require-hashes --requirement /tmp/requirements-ocr.lock
RUN --mount=type=bind,from=build,source=/wheels/model,target=/wheels pip install --no-cache-dir --no-deps /wheels/*.whl
RUN --mount=type=bind,from=build,source=/wheels/luma,target=/wheels pip install --no-cache-dir --no-deps /wheels/*.whl
USER 10001
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
    CMD ["python", "-I", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/health/live', timeout=4)"]
CMD ["luma", "serve", "--host", "0.0.0.0"]
