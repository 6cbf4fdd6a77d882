#!/usr/bin/env bash
# minikube.sh [PROFILE]: build both images with Docker and load them into the minikube PROFILE (`minikube`, unless
# said). Prints what they are called. Pods must not pull them: `imagePullPolicy: IfNotPresent`, as the manifests say.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

images=$(./docker.sh)
for image in $images; do
	minikube --profile "${1:-minikube}" image load "$image" >&2
	echo "$image"
done
