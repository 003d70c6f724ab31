{{/* Who may speak to whom. Each hole is a rule of its own; where a value names no peers, the port is open to all. */}}
{{- define "valetkey.component" -}}
- podSelector:
    matchLabels:
      {{- include "valetkey.selector" . | nindent 6 }}
{{- end -}}

{{/* One egress rule: ports (numbers), to (peers). */}}
{{- define "valetkey.hole" -}}
- ports:
    {{- range .ports }}
    - {protocol: TCP, port: {{ int . }}}
    {{- end }}
  {{- with .to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{- define "valetkey.dnsHole" -}}
- ports:
    - {protocol: UDP, port: 53}
    - {protocol: TCP, port: 53}
  {{- with .Values.networkPolicy.dns.to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{- define "valetkey.postgresHole" -}}
{{- $ports := list (int .Values.postgres.port) -}}
{{- $to := .Values.networkPolicy.postgres.to -}}
{{- if .Values.postgres.listenHost }}{{ $ports = append $ports (int .Values.postgres.listenPort) | uniq }}{{ end -}}
{{- if .Values.demo.enabled }}{{ $to = include "valetkey.component" (dict "root" . "component" "postgres") | fromYamlArray }}{{ end -}}
{{- include "valetkey.hole" (dict "ports" $ports "to" $to) -}}
{{- end -}}

{{/* The ports that a Redis URL names. A Sentinel answers with nodes, which listen on 6379 unless `redis.ports` says more. */}}
{{- define "valetkey.redisPorts" -}}
{{- $url := include "valetkey.redisUrl" . -}}
{{- $sentinel := contains "+sentinel:" $url -}}
{{- $ports := list -}}
{{- range splitList "," (regexReplaceAll "^[a-z+]+://([^@/]*@)?([^/?]*).*$" $url "${2}") -}}
{{- $ports = append $ports (regexMatch ":[0-9]+$" . | ternary (regexFind "[0-9]+$" .) ($sentinel | ternary "26379" "6379") | int) -}}
{{- end -}}
{{- if $sentinel }}{{ $ports = append $ports 6379 }}{{ end -}}
{{- range .Values.networkPolicy.redis.ports }}{{ $ports = append $ports (int .) }}{{ end -}}
{{- $ports | uniq | toYaml -}}
{{- end -}}

{{- define "valetkey.redisHole" -}}
{{- $to := .Values.networkPolicy.redis.to -}}
{{- if .Values.demo.enabled }}{{ $to = include "valetkey.component" (dict "root" . "component" "redis") | fromYamlArray }}{{ end -}}
{{- include "valetkey.hole" (dict "ports" (include "valetkey.redisPorts" . | fromYamlArray) "to" $to) -}}
{{- end -}}

{{/* The port of the collector; of the one for metrics too, where settings name it. */}}
{{- define "valetkey.otlpHole" -}}
{{- $ports := list -}}
{{- range list .Values.tracing.otlpEndpoint (get .Values.settings "metrics_otlp_endpoint") -}}
{{- with . -}}
{{- $port := regexReplaceAll "^https?://(\\[[^]]*\\]|[^:/]*)(:([0-9]+))?.*$" . "${3}" -}}
{{- $ports = append $ports ($port | default (hasPrefix "https:" . | ternary "443" "80") | int) -}}
{{- end -}}
{{- end -}}
{{- with $ports | uniq }}
{{- include "valetkey.hole" (dict "ports" . "to" $.Values.networkPolicy.otlp.to) }}
{{- end }}
{{- end -}}

{{/* The port of the mail server, as the worker chooses it too; nothing where no mail is sent. */}}
{{- define "valetkey.smtpHole" -}}
{{- if .Values.mail.host -}}
{{- $port := .Values.mail.port | default (eq .Values.mail.tls "tls" | ternary 465 587) -}}
{{- include "valetkey.hole" (dict "ports" (list $port) "to" .Values.networkPolicy.smtp.to) -}}
{{- end -}}
{{- end -}}

{{/* A policy: root, component, ingress and egress (texts of lists; none denies). */}}
{{- define "valetkey.policy" -}}
{{- if .root.Values.networkPolicy.enabled -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "valetkey.metadata" (dict "root" .root "component" .component) | nindent 2 }}
spec:
  podSelector:
    matchLabels:
      {{- include "valetkey.selector" . | nindent 6 }}
  policyTypes: [Ingress, Egress]
  {{- with .ingress }}
  ingress:
    {{- . | trim | nindent 4 }}
  {{- end }}
  {{- with .egress }}
  egress:
    {{- . | trim | nindent 4 }}
    {{- with $.root.Values.networkPolicy.extraEgress }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- end }}
{{- end -}}
{{- end -}}

{{/* authorize, token, introspection; or compact. */}}
{{- define "valetkey.networkPolicy" -}}
{{- if include "valetkey.isServer" . -}}
{{- $policy := .root.Values.networkPolicy -}}
{{- $ingress := include "valetkey.publicIngress" .root -}}
{{- with $policy.monitoring.from -}}
{{- $ingress = printf "%s\n- ports: [{protocol: TCP, port: 9090}]\n  from:\n%s" $ingress (toYaml . | indent 4) -}}
{{- end -}}
{{- with $policy.extraIngress }}{{ $ingress = printf "%s\n%s" $ingress (toYaml .) }}{{ end -}}
{{- $egress := list (include "valetkey.dnsHole" .root) (include "valetkey.postgresHole" .root) (include "valetkey.redisHole" .root) (include "valetkey.otlpHole" .root) | compact | join "\n" -}}
{{- if eq .component "compact" }}{{ with include "valetkey.smtpHole" .root }}{{ $egress = printf "%s\n%s" $egress . }}{{ end }}{{ end -}}
{{- include "valetkey.policy" (dict "root" .root "component" .component "ingress" $ingress "egress" $egress) -}}
{{- end -}}
{{- end -}}

{{/* mailer: nothing reaches it but what scrapes it, and it reaches no Redis. */}}
{{- define "valetkey.workerPolicy" -}}
{{- if include "valetkey.isWorkload" . -}}
{{- $ingress := "" -}}
{{- with .root.Values.networkPolicy.monitoring.from -}}
{{- $ingress = printf "- ports: [{protocol: TCP, port: 9090}]\n  from:\n%s" (toYaml . | indent 4) -}}
{{- end -}}
{{- $egress := list (include "valetkey.dnsHole" .root) (include "valetkey.postgresHole" .root) (include "valetkey.smtpHole" .root) (include "valetkey.otlpHole" .root) | compact | join "\n" -}}
{{- include "valetkey.policy" (dict "root" .root "component" .component "ingress" $ingress "egress" $egress) -}}
{{- end -}}
{{- end -}}

{{/* Who reaches the public port: those whom values name, and our own that speak to it as the world does. */}}
{{- define "valetkey.publicIngress" -}}
- ports: [{protocol: TCP, port: 8080}]
  {{- with .Values.networkPolicy.ingress.from }}
  from:
    {{- toYaml . | nindent 4 }}
    {{- include "valetkey.component" (dict "root" $ "component" "test-login") | nindent 4 }}
    {{- include "valetkey.component" (dict "root" $ "component" "operator") | nindent 4 }}
    {{- if $.Values.demo.enabled }}
    {{- include "valetkey.component" (dict "root" $ "component" "front-door") | nindent 4 }}
    {{- end }}
  {{- end }}
{{- end -}}
