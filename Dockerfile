# The server, the worker and every other command of Cyberticket. docs/how-to/run-in-production.md tells how to run it.

FROM python:3.11-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/cyberticket
WORKDIR /source
# Dependencies first, each checked against its hash: they change less often than our own files.
COPY requirements.lock .
RUN /opt/cyberticket/bin/python -m pip install --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY app app
COPY mobile_gateway mobile_gateway
COPY migrations migrations
RUN /opt/cyberticket/bin/python -m pip wheel --no-deps --wheel-dir /wheels . \
    && /opt/cyberticket/bin/python -m pip install --no-deps --no-index /wheels/cyberticket-*.whl

FROM python:3.11-slim
# The embedded PostgreSQL refuses root, and a user without a name in /etc/passwd: so a user of our own, who owns the data.
RUN useradd --system --uid 10001 --no-create-home --home-dir /var/lib/cyberticket --shell /usr/sbin/nologin cyberticket \
    && install -d -o cyberticket -g cyberticket -m 0711 /var/lib/cyberticket
COPY --from=build /opt/cyberticket /opt/cyberticket
ENV PATH=/opt/cyberticket/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    CYBERTICKET_DATA_DIR=/var/lib/cyberticket
USER cyberticket
WORKDIR /var/lib/cyberticket
VOLUME /var/lib/cyberticket
EXPOSE 8000
# The command below listens on 8000 unless CYBERTICKET_PORT says otherwise.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ.get('CYBERTICKET_PORT', '8000') + '/healthz', timeout=4)"]
STOPSIGNAL SIGTERM
CMD ["cyberticket", "serve", "--host", "0.0.0.0"]
