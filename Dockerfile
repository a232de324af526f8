# The product alone: no stand-ins, no build tools, no root. Every service needs its key.
FROM python:3.12-slim-bookworm AS build

COPY deploy/requirements/runtime.txt /tmp/runtime.txt
RUN python -m venv --without-pip /opt/venv \
 && pip --python /opt/venv/bin/python install --no-cache-dir --no-compile --only-binary=:all: \
      --require-hashes -r /tmp/runtime.txt

WORKDIR /app
COPY cli.py ./
COPY crm ./crm
COPY scheduler ./scheduler
COPY voicecore ./voicecore
# The stand-ins are for demonstrations and tests; without their extra they cannot run anyway.
RUN rm -rf voicecore/sandbox \
 && /opt/venv/bin/python -m compileall -q /opt/venv/lib cli.py crm scheduler voicecore


FROM python:3.12-slim-bookworm

ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOST=0.0.0.0 \
    PORT=8080

COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
WORKDIR /app

# A number, not a name: Kubernetes can then see that it is not root.
USER 10001:10001
EXPOSE 8080
# Live calls finish before the process ends; give it up to 15 minutes.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/healthz', timeout=2)"]
CMD ["python", "cli.py", "serve"]
