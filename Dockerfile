# syntax=docker/dockerfile:1

# First stage: an environment with both distributions from the checkout, in the versions that the suite runs on.
FROM python:3.11-slim-bookworm AS build
WORKDIR /source
RUN python -m venv /opt/lineal
COPY constraints.txt pyproject.toml wheel_layout.py README.md LICENSE ./
COPY clients/python clients/python
COPY lineal_server lineal_server
COPY server server
COPY storage storage
COPY migrations migrations
RUN /opt/lineal/bin/pip install --no-cache-dir --disable-pip-version-check -c constraints.txt ./clients/python .

# Second stage: that environment and a user who owns nothing but the data.
FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin lineal \
    && install --directory --owner 10001 --group 0 --mode 0770 /data
COPY --from=build /opt/lineal /opt/lineal
ENV PATH=/opt/lineal/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    LINEAL_STORE=sqlite:////data/lineal.sqlite \
    LINEAL_GRPC=0.0.0.0:8887 \
    LINEAL_REST=0.0.0.0:8888
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8887 8888
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8888/healthz', timeout=4)"]
ENTRYPOINT ["lineal-server"]
CMD ["serve"]
