{{/*
The pod of a Job: root, component, volumes, init and containers (texts of lists), serviceAccount, again.
A failed pod stays, so that its log can be read; with `again` the same pod tries again, for what others must do first.
*/}}
{{- define "valetkey.jobPod" -}}
{{- $jobs := .root.Values.jobs -}}
metadata:
  {{- include "valetkey.podMetadata" (dict "root" .root "component" .component "values" $jobs) | nindent 2 }}
spec:
  {{- include "valetkey.podSecurity" (dict "root" .root "security" .root.Values.security "values" $jobs "serviceAccount" .serviceAccount "token" (not (empty .serviceAccount))) | nindent 2 }}
  {{- with include "valetkey.scheduling" $jobs | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  restartPolicy: {{ ternary "OnFailure" "Never" (not (empty .again)) }}
  {{- with list (empty $jobs.initContainers | ternary "" (toYaml $jobs.initContainers)) (.init | default "" | trim) | compact }}
  initContainers:
    {{- join "\n" . | nindent 4 }}
  {{- end }}
  containers:
    {{- .containers | trim | nindent 4 }}
  volumes:
    {{- include "valetkey.tmpVolume" .root | nindent 4 }}
    {{- with .volumes }}
    {{- . | trim | nindent 4 }}
    {{- end }}
    {{- with $jobs.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}

{{/* The specification of a Job: root, template (text). */}}
{{- define "valetkey.jobSpec" -}}
backoffLimit: {{ int .root.Values.jobs.backoffLimit }}
activeDeadlineSeconds: {{ int .root.Values.jobs.activeDeadlineSeconds }}
{{- if not .hook }}{{ with .root.Values.jobs.ttlSecondsAfterFinished }}
ttlSecondsAfterFinished: {{ int . }}
{{- end }}{{ end }}
template:
  {{- .template | nindent 2 }}
{{- end -}}

{{/*
A Job: root, component, name, template (text), extra (whatever else should make it run again), hook (a weight, or nothing).
The specification of a Job cannot change, so an ordinary one is named after what it does and runs again when that changes.
*/}}
{{- define "valetkey.job" -}}
{{- $spec := include "valetkey.jobSpec" . -}}
{{- $name := .name | default .component -}}
{{- $annotations := deepCopy .root.Values.jobs.annotations -}}
{{- if .hook -}}
{{- $annotations = merge $annotations (include "valetkey.hook" (dict "weight" .hook) | fromYaml) -}}
{{- else -}}
{{- $name = printf "%s-%s" $name (printf "%s%s" $spec (.extra | default "") | sha256sum | trunc 8) -}}
{{- end -}}
apiVersion: batch/v1
kind: Job
metadata:
  {{- include "valetkey.metadata" (dict "root" .root "component" .component "name" $name "annotations" $annotations) | nindent 2 }}
spec:
  {{- $spec | nindent 2 }}
{{- end -}}
