{{/*
What every pod has, of each component; "restricted" in the words of the Pod Security Standards: root, security, values,
serviceAccount, token (whether it is mounted).
*/}}
{{- define "valetkey.podSecurity" -}}
automountServiceAccountToken: {{ .token | default false }}
{{- with .serviceAccount | default (include "valetkey.serviceAccountName" .root) }}
serviceAccountName: {{ . | quote }}
{{- end }}
enableServiceLinks: false
{{- $context := dict "runAsNonRoot" true "fsGroupChangePolicy" "OnRootMismatch" "seccompProfile" (dict "type" "RuntimeDefault") -}}
{{- range $name := list "runAsUser" "runAsGroup" "fsGroup" -}}
{{- with get $.security $name }}{{ $_ := set $context $name (int64 .) }}{{ end -}}
{{- end }}
securityContext:
  {{- toYaml (mustMergeOverwrite $context (get (.values | default dict) "podSecurityContext" | default dict | deepCopy)) | nindent 2 }}
{{- with concat (.root.Values.global.imagePullSecrets | default list) .root.Values.image.pullSecrets | uniq }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . | quote }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* The values' own context of a container goes over the restricted one: values. */}}
{{- define "valetkey.containerSecurity" -}}
{{- $context := dict "allowPrivilegeEscalation" false "readOnlyRootFilesystem" true "runAsNonRoot" true "capabilities" (dict "drop" (list "ALL")) -}}
{{- toYaml (mustMergeOverwrite $context (get (.values | default dict) "securityContext" | default dict | deepCopy)) -}}
{{- end -}}

{{/* Where pods of these values may run, by what, and how they find names. */}}
{{- define "valetkey.scheduling" -}}
{{- with .priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- range $name := list "runtimeClassName" "schedulerName" "dnsPolicy" }}
{{- with get $ $name }}
{{ $name }}: {{ . | quote }}
{{- end }}
{{- end }}
{{- range $name := list "hostAliases" "dnsConfig" }}
{{- with get $ $name }}
{{ $name }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end -}}

{{/* The labels and annotations of a pod: root, component, values, checksums. */}}
{{- define "valetkey.podMetadata" -}}
labels:
  {{- include "valetkey.podLabels" . | nindent 2 }}
  {{- with .values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- $annotations := merge (dict) (.checksums | default dict) (.values.podAnnotations | default dict) }}
{{- with .root.Values.secrets.revision }}{{ $_ := set $annotations "valetkey/secrets-revision" . }}{{ end }}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* A container of ours: root, name, image, identity, settings, args, values (of a service or of jobs), mounts. */}}
{{- define "valetkey.container" -}}
name: {{ .name }}
image: {{ include "valetkey.image" . }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
{{- with .args }}
args:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if or .identity .values.extraEnv }}
env:
  {{- if .identity }}
  {{- include "valetkey.env" . | trim | nindent 2 }}
  {{- end }}
  {{- with .values.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- with .values.envFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- include "valetkey.containerSecurity" . | nindent 2 }}
resources:
  {{- toYaml .values.resources | nindent 2 }}
volumeMounts:
  - {name: tmp, mountPath: /tmp}
  {{- if .identity }}
  - {name: secrets-{{ .identity }}, mountPath: /run/secrets/valetkey, readOnly: true}
  {{- end }}
  {{- with concat (.mounts | default list) .values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- define "valetkey.tmpVolume" -}}
- name: tmp
  emptyDir: {sizeLimit: 64Mi}
{{- end -}}
