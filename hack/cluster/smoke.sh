#!/usr/bin/env bash
# smoke.sh: boot the cluster and look at everything it promises, in half a minute.
# A network of three bitcoinds stands in for what the controller will make.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

if [ "${1-}" != --inside ]; then
	"$here/run.sh" "$0" --inside
	status=0
	"$here/run.sh" sh -c 'exit 7' 2>/dev/null || status=$?
	[ "$status" -eq 7 ] || { echo "FAILED: COMMAND's exit code came back as $status" >&2 && exit 1; }
	echo "ok: COMMAND's exit code is ours"
	left=$(find /sys/fs/cgroup "${TMPDIR:-/tmp}" -maxdepth 2 -name 'btc-cluster.*' 2>/dev/null)
	[ -z "$left" ] || echo "note: there is $left; unless another cluster runs, that was left behind" >&2
	exit 0
fi

check() { # WHAT TEST...
	local what=$1 deadline=$((SECONDS + 30))
	shift
	until "$@" >"$CLUSTER_DIR/smoke.out" 2>&1; do
		if [ $SECONDS -ge $deadline ]; then
			echo "FAILED: $what" >&2
			tail --lines=5 "$CLUSTER_DIR/smoke.out" >&2
			exit 1
		fi
		sleep 0.2
	done
	echo "ok: $what"
}

pod_ip() { kubectl get pod "$1" --output jsonpath='{.status.podIP}'; }
field() { kubectl get "$1" --output jsonpath="{$2}"; }
answers() { exec 3<>"/dev/tcp/$1/18443" && printf 'GET /rest/chaininfo.json HTTP/1.0\r\n\r\n' >&3 && grep --quiet regtest <&3; }
# The shell opens no connection with a deadline, so the deadline is around it.
silent() { ! timeout 1 bash -c "$(declare -f answers); answers $1"; }
replaced() { kubectl get pod "$1" && [ "$(field "pod/$1" .metadata.uid)" != "$2" ]; }
in_pod() { kubectl exec "$1" -- sh -c "$2"; }

kubectl create namespace smoke
kubectl label namespace smoke pod-security.kubernetes.io/enforce=restricted
kubectl config set-context --current --namespace smoke >"$CLUSTER_DIR/smoke.out"

kubectl apply --filename - <<'MANIFEST'
apiVersion: v1
kind: Service
metadata: {name: node}
spec:
  selector: {app: node}
  ports: [{port: 18443}]
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: node}
spec:
  replicas: 3
  serviceName: node
  podManagementPolicy: Parallel
  selector: {matchLabels: {app: node}}
  template:
    metadata: {labels: {app: node}}
    spec:
      automountServiceAccountToken: false
      securityContext: {runAsNonRoot: true, runAsUser: 12345, fsGroup: 12345, seccompProfile: {type: RuntimeDefault}}
      containers:
      - name: bitcoind
        image: localhost/bitcoind:dev
        command: [bitcoind]
        args: [-regtest, -rest, -rpcbind=127.0.0.1, -rpcbind=$(POD_IP), -rpcallowip=0.0.0.0/0, -listenonion=0, -natpmp=0, -dnsseed=0]
        env:
        - {name: HOME, value: /data}
        - {name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
        resources: {requests: {cpu: 10m, memory: 64Mi}, limits: {memory: 512Mi}}
        securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
        readinessProbe: {httpGet: {path: /rest/chaininfo.json, port: 18443}, periodSeconds: 1}
        volumeMounts: [{name: data, mountPath: /data}]
      volumes: [{name: data, emptyDir: {}}]
MANIFEST

check "three restricted pods become ready" kubectl rollout status statefulset/node --timeout=1s
check "bitcoin-cli just works in a pod" in_pod node-0 'bitcoin-cli -regtest getblockcount'
check "a pod's address can be reached from here" answers "$(pod_ip node-0)"
check "a Service's address can be reached from here" answers "$(field service/node .spec.clusterIP)"
# shellcheck disable=SC2016 # the variable is the pod's
check "a Service's address can be reached from a pod" in_pod node-0 'echo | nc -w 2 $NODE_SERVICE_HOST 18443'
check "the API server can be reached from a pod" in_pod node-0 'echo | nc -w 2 10.0.0.1 443'

uid=$(field pod/node-0 .metadata.uid)
check "a pod can be deleted" kubectl delete pod node-0
check "and comes back as another" replaced node-0 "$uid"

"$here/node.sh" kill smoke/node-1
check "a killed bitcoind is restarted in its pod" kubectl wait pod/node-1 \
	--for=jsonpath='{.status.containerStatuses[0].restartCount}'=1 --timeout=20s
"$here/node.sh" cut smoke/node-2
check "a pod that is cut off does not answer" silent "$(pod_ip node-2)"
"$here/node.sh" restore smoke/node-2
check "a restored one does" answers "$(pod_ip node-2)"
"$here/node.sh" restart-apiserver
check "everything is ready again" kubectl rollout status statefulset/node --timeout=1s

robot=$("$here/user.sh" system:serviceaccount:smoke:robot system:serviceaccounts)
check "another user may do nothing" bash -c "! kubectl --kubeconfig '$robot' get pods"
check "and is seen in the audit log" grep --quiet '"code":403.*smoke:robot\|smoke:robot.*"code":403' "$AUDIT_LOG"
