# One image; the command chooses what runs: functions, worker, scheduler, or any `refit` command.
#   docker run --env-file .env refit worker

FROM python:3.13-slim-trixie AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
# The project is installed in place: the final image has it at the same path.
WORKDIR /app
RUN python -m venv --without-pip /opt/venv
COPY requirements/worker.txt requirements/
RUN pip --python /opt/venv/bin/python install --require-hashes --only-binary :all: \
        -r requirements/worker.txt
COPY requirements/build.txt requirements/
RUN pip install --require-hashes -r requirements/build.txt
COPY pyproject.toml LICENSE ./
COPY core core
COPY functions functions
# The wheel holds the metadata and the path of /app alone; hatchling never enters /opt/venv.
RUN hatchling build -t wheel:editable -d /tmp/wheel \
    && pip --python /opt/venv/bin/python install --no-deps --no-index /tmp/wheel/*.whl \
    && python -m compileall -q core functions

FROM python:3.13-slim-trixie
# Nothing is installed here any more.
RUN python -m pip uninstall --yes --quiet --root-user-action=ignore pip \
    && useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin refit \
    && install -d -o refit -g refit /data
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
COPY supabase /app/supabase
COPY --chmod=755 docker/entrypoint docker/healthcheck /usr/local/bin/
# 8080 is what platforms that run functions expect; locally Refit's own port is 3000.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    REFIT_HOME=/data \
    PORT=8080
WORKDIR /app
USER 10001
EXPOSE 8080
VOLUME ["/data"]
HEALTHCHECK --interval=30s --timeout=10s --start-period=20s --retries=3 CMD ["healthcheck"]
ENTRYPOINT ["entrypoint"]
CMD ["functions"]
