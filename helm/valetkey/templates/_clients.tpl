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
{{- if or $clients $scopes -}}
{{- dict "clients" $clients "scopes" $scopes | toYaml -}}
{{- end -}}
{{- end -}}
{{- end -}}
