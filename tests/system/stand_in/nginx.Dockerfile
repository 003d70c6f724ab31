# nginx where its own image cannot be pulled: Debian's, with what the front door's entry point uses.
ARG PYTHON_IMAGE
FROM ${PYTHON_IMAGE}
RUN apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nginx-light gettext-base curl >/dev/null \
 && rm -rf /var/lib/apt/lists
