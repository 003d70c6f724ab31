{{/* Names are cut at 38 characters: the longest suffix must still fit into the 52 of a CronJob and the 63 of a label. */}}
{{- define "valetkey.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 38 | trimAll "-" -}}
{{- end -}}

{{- define "valetkey.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $full := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) -}}
{{- default $full .Values.fullnameOverride | trunc 38 | trimAll "-" -}}
{{- end -}}

{{/* Never add to these: the selector of a Deployment cannot change. */}}
{{- define "valetkey.selector" -}}
app.kubernetes.io/name: {{ include "valetkey.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end -}}

{{- define "valetkey.labels" -}}
{{- with .root.Values.commonLabels }}
{{- toYaml . }}
{{ end -}}
{{ include "valetkey.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: {{ include "valetkey.name" .root }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* A pod has fewer labels than its owner: a newer chart alone is no reason to start it anew. */}}
{{- define "valetkey.podLabels" -}}
{{- with .root.Values.commonLabels }}
{{- toYaml . }}
{{ end -}}
{{ include "valetkey.selector" . }}
{{- end -}}

{{/* The metadata of one object: root, component, name (a suffix), annotations. */}}
{{- define "valetkey.metadata" -}}
name: {{ include "valetkey.fullname" .root }}-{{ .name | default .component }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "valetkey.labels" . | nindent 2 }}
  {{- with .labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with merge (dict) (.annotations | default dict) .root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* The components that serve: one for each service, or one that is all of them, as a list. */}}
{{- define "valetkey.servers" -}}
{{- eq .Values.mode "compact" | ternary (list "compact") (list "authorize" "token" "introspection") | toYaml -}}
{{- end -}}

{{/* Those and the workers, which have no public port: one that sends mail, where there is a server for it. */}}
{{- define "valetkey.workloads" -}}
{{- $servers := include "valetkey.servers" . | fromYamlArray -}}
{{- if and .Values.mail.host (ne .Values.mode "compact") }}{{ $servers = append $servers "mailer" }}{{ end -}}
{{- $servers | toYaml -}}
{{- end -}}

{{/* The component that is this service: root, service. */}}
{{- define "valetkey.serverOf" -}}
{{- eq .root.Values.mode "compact" | ternary "compact" .service -}}
{{- end -}}

{{/* Whether this component is installed, as "true" or nothing: root, component. */}}
{{- define "valetkey.isServer" -}}
{{- if has .component (include "valetkey.servers" .root | fromYamlArray) }}true{{ end -}}
{{- end -}}

{{/* Likewise for a server or a worker. */}}
{{- define "valetkey.isWorkload" -}}
{{- if has .component (include "valetkey.workloads" .root | fromYamlArray) }}true{{ end -}}
{{- end -}}

{{/* The values of a component: those of `services` under its own. */}}
{{- define "valetkey.values" -}}
{{- $own := get .root.Values (eq .component "key-rotation" | ternary "keyRotation" .component) -}}
{{- mustMergeOverwrite (deepCopy .root.Values.services) $own | toYaml -}}
{{- end -}}

{{- define "valetkey.image" -}}
{{- $image := .image -}}
{{- $repository := $image.repository -}}
{{- with .root.Values.image.registry | default .root.Values.global.imageRegistry }}{{ $repository = printf "%s/%s" (trimSuffix "/" .) $repository }}{{ end -}}
{{- with $image.digest -}}
{{- printf "%s@%s" $repository . -}}
{{- else -}}
{{- printf "%s:%s" $repository (coalesce $image.tag $.root.Values.image.tag $.root.Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* Like 1.2.3.4 or [::1] or localhost: what an http issuer may have, and an Ingress may not. */}}
{{- define "valetkey.issuer" -}}
{{- .Values.issuer | default (.Values.demo.enabled | ternary "http://127.0.0.1:8080" "") -}}
{{- end -}}

{{- define "valetkey.issuerHost" -}}
{{- regexReplaceAll "^https?://(\\[[^]]*\\]|[^:/]*).*$" (include "valetkey.issuer" .) "${1}" -}}
{{- end -}}

{{- define "valetkey.issuerPath" -}}
{{- regexReplaceAll "^https?://[^/]*" (include "valetkey.issuer" .) "" -}}
{{- end -}}

{{/* Whether the chart creates the Secret, as "true" or nothing. */}}
{{- define "valetkey.createsSecret" -}}
{{- if and (not .Values.secrets.existingSecret) (not .Values.secrets.externalSecret.enabled) (or .Values.secrets.create .Values.demo.enabled) }}true{{ end -}}
{{- end -}}

{{- define "valetkey.secretName" -}}
{{- .Values.secrets.existingSecret | default (printf "%s-secrets" (include "valetkey.fullname" .)) -}}
{{- end -}}

{{/* The ServiceAccount of all pods but those that have one of their own; nothing leaves it to the namespace. */}}
{{- define "valetkey.serviceAccountName" -}}
{{- with .Values.serviceAccount }}{{ .name | default (.create | ternary (include "valetkey.fullname" $) "") }}{{ end -}}
{{- end -}}

{{/* hook, job, initContainer or none. A hook would wait for ever for what is only installed after it. */}}
{{- define "valetkey.migrationMode" -}}
{{- if ne .Values.migration.mode "auto" }}{{ .Values.migration.mode }}
{{- else if or .Values.demo.enabled .Values.secrets.externalSecret.enabled .Values.serviceAccount.create }}job{{ else }}hook{{ end -}}
{{- end -}}

{{/* Annotations of what runs before everything else: root, weight. */}}
{{- define "valetkey.hook" -}}
helm.sh/hook: pre-install,pre-upgrade
helm.sh/hook-weight: {{ .weight | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end -}}

{{/* How `valetkey` is typed in the cluster, up to its arguments. No double quotes but those around the overrides. */}}
{{- define "valetkey.operatorCommand" -}}
{{- $operator := printf "%s-operator" (include "valetkey.fullname" .) -}}
kubectl -n {{ .Release.Namespace }} run {{ $operator }} --rm -it --restart=Never --image={{ include "valetkey.image" (dict "root" . "image" .Values.cli.image) }} \
    --override-type=strategic --overrides="$(kubectl -n {{ .Release.Namespace }} get configmap {{ $operator }} -o jsonpath='{.data.pod}')" --
{{- end -}}
