#!/usr/bin/env bash
# kind.sh [NAME]: build both images with Docker and load them into the kind cluster NAME (`kind`, unless said).
# Prints what they are called. hack/kind.sh does without `docker build`: it runs the scenarios of test/e2e.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

images=$(./docker.sh)
for image in $images; do
	kind load docker-image "$image" --name "${1:-kind}" >&2
	echo "$image"
done
