{{/* The name of everything of this release. */}}
{{- define "bitcoin-controller.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What selects the controller's pods. It cannot be changed later, and is that of manifests/controller.yaml. */}}
{{- define "bitcoin-controller.selector" -}}
app.kubernetes.io/name: {{ include "bitcoin-controller.fullname" . }}
{{- end -}}

{{- define "bitcoin-controller.labels" -}}
{{ include "bitcoin-controller.selector" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "bitcoin-controller.serviceAccount" -}}
{{- $own := printf "%s-sva" (include "bitcoin-controller.fullname" .) -}}
{{- if .Values.serviceAccount.create -}}
{{- default $own .Values.serviceAccount.name -}}
{{- else -}}
{{- required "serviceAccount.create is false: serviceAccount.name is missing" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "bitcoin-controller.subjects" -}}
- kind: ServiceAccount
  name: {{ include "bitcoin-controller.serviceAccount" . }}
  namespace: {{ .Release.Namespace }}
{{- end -}}

{{/* A digest says more than a tag, so a tag beside it is left out. */}}
{{- define "bitcoin-controller.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* The controller's rights, as manifests/rbac.yaml has them; of Secrets, those that were named, if any were. */}}
{{- define "bitcoin-controller.rules" -}}
{{- $own := list -}}
{{- range .Values.rbac.networkNames -}}
{{- $own = append $own (printf "%s-rpc" .) -}}
{{- end -}}
{{- $all := uniq (concat .Values.rbac.secretNames $own) -}}
{{- range .Files.Get "files/rules.yaml" | fromYamlArray }}
{{- if and $all (has "secrets" .resources) }}
{{- $rule := dict "apiGroups" .apiGroups "resources" .resources }}
{{- range .verbs }}
{{- /* What is to be created has no name yet; what is changed is the network's own. */}}
{{- $names := ternary $all $own (eq . "get") }}
{{- if eq . "create" }}
- {{ toYaml (merge (dict "verbs" (list .)) $rule) | nindent 2 | trim }}
{{- else if $names }}
- {{ toYaml (merge (dict "verbs" (list .) "resourceNames" $names) $rule) | nindent 2 | trim }}
{{- end }}
{{- end }}
{{- else }}
- {{ toYaml . | nindent 2 | trim }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Roles and their bindings: one for the cluster, or one in each namespace. Takes root, suffix and rules. */}}
{{- define "bitcoin-controller.grant" -}}
{{- $name := printf "%s%s" (include "bitcoin-controller.fullname" .root) .suffix -}}
{{- $binding := printf "%s%s" $name (.binding | default "") -}}
{{- $kind := ternary "Role" "ClusterRole" (not (empty .root.Values.namespaces)) -}}
{{- range .root.Values.namespaces | default (list "") }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $kind }}
metadata:
  name: {{ $name }}
  {{- with . }}
  namespace: {{ . }}
  {{- end }}
  labels:
    {{- include "bitcoin-controller.labels" $.root | nindent 4 }}
rules:
  {{- $.rules | trim | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $kind }}Binding
metadata:
  name: {{ $binding }}
  {{- with . }}
  namespace: {{ . }}
  {{- end }}
  labels:
    {{- include "bitcoin-controller.labels" $.root | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ $kind }}
  name: {{ $name }}
subjects:
  {{- include "bitcoin-controller.subjects" $.root | nindent 2 }}
{{- end }}
{{- end -}}
