{{/* The file of `valetkey client apply`: the demo's clients, or what values declare; nothing where there is nothing. */}}
{{- define "valetkey.clientsFile" -}}
{{- $clients := .Values.clients.enabled | ternary .Values.clients.declarations list -}}
{{- $scopes := .Values.clients.enabled | ternary .Values.clients.scopes list -}}
{{- if and .Values.clients.enabled .Values.clients.existingConfigMap -}}
# in ConfigMap {{ .Values.clients.existingConfigMap }}
{{- else -}}
{{- if .Values.demo.enabled }}
{{- $demo := .Files.Get "files/demo-clients.yaml" | fromYaml -}}
{{- $clients = concat $demo.clients $clients -}}
{{- $scopes = concat $demo.scopes $scopes -}}
{{- end -}}
{{- $file := dict -}}
{{- if or $clients $scopes -}}
{{- $file = dict "clients" $clients "scopes" $scopes -}}
{{- end -}}
{{- if .Values.clients.enabled -}}
{{- with .Values.clients.attributes }}{{ $file = set $file "attributes" . }}{{ end -}}
{{- with .Values.clients.groups }}{{ $file = set $file "groups" . }}{{ end -}}
{{- with .Values.clients.users }}{{ $file = set $file "users" . }}{{ end -}}
{{- end -}}
{{- if $file -}}
{{- $file | toYaml -}}
{{- end -}}
{{- end -}}
{{- end -}}
