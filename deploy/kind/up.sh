#!/bin/sh
# Makes the cluster `valetkey` with kind unless it is there, and loads the images valetkey-*:$TAG into it.
set -eu

TAG=${TAG:-dev}
for program in docker kind kubectl helm; do
	command -v "$program" >/dev/null || {
		echo "deploy/kind/up.sh: $program is not installed or not on PATH; see deploy/kind/README.md" >&2
		exit 69
	}
done
kind get clusters | grep -qx valetkey || kind create cluster --config "$(dirname "$0")/cluster.yaml" --wait 120s
for service in authorize token introspection mailer compact key-rotation cli; do
	kind load docker-image "valetkey-$service:$TAG" --name valetkey
done
echo "Now: helm upgrade --install valetkey helm/valetkey -f helm/valetkey/ci/demo-values.yaml --set image.tag=$TAG"
