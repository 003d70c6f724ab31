{{/*
What a container is told. An identity is one set of settings, one role in PostgreSQL and one set of secret files:
authorize, token, introspection, mailer, compact, key-rotation, migration, operator.
*/}}
{{- define "valetkey.role" -}}
{{- get .root.Values.postgres.users (eq .identity "key-rotation" | ternary "keyRotation" .identity) -}}
{{- end -}}

{{- define "valetkey.dsn" -}}
{{- $postgres := .root.Values.postgres -}}
{{- $host := .host | default $postgres.host -}}
{{- if contains ":" $host }}{{ $host = printf "[%s]" (trimAll "[]" $host) }}{{ end -}}
{{- $query := printf "sslmode=%s" $postgres.sslMode -}}
{{- if .root.Values.demo.enabled -}}
{{- $host = printf "%s-postgres" (include "valetkey.fullname" .root) -}}
{{- $query = "sslmode=disable" -}}
{{- end -}}
{{- if $postgres.rootCertSecret.name }}{{ $query = printf "%s&sslrootcert=/run/secrets/valetkey/postgres-ca.crt" $query }}{{ end -}}
postgresql://{{ include "valetkey.role" . | urlquery | replace "+" "%20" }}@{{ $host }}:{{ int (.port | default $postgres.port) }}/{{ $postgres.database | urlquery | replace "+" "%20" }}?{{ $query }}
{{- end -}}

{{- define "valetkey.redisUrl" -}}
{{- if .Values.demo.enabled -}}
redis://{{ include "valetkey.fullname" . }}-redis:6379/0
{{- else -}}
{{- .Values.redis.url -}}
{{- if .Values.redis.caSecret.name }}{{ contains "?" .Values.redis.url | ternary "&" "?" }}ssl_ca_certs=/run/secrets/valetkey/redis-ca.crt{{ end -}}
{{- end -}}
{{- end -}}

{{/* The networks whose X-Forwarded-For is believed, as a list. The demo's front door has an address in one of the private ones. */}}
{{- define "valetkey.trustedProxies" -}}
{{- $ofDemo := list "10.0.0.0/8" "172.16.0.0/12" "192.168.0.0/16" "100.64.0.0/10" "fc00::/7" -}}
{{- .Values.trustedProxies | default (and .Values.demo.enabled (not .Values.noTrustedProxies) | ternary $ofDemo list) | toYaml -}}
{{- end -}}

{{/* Whether an identity speaks to Redis, as "true" or nothing. */}}
{{- define "valetkey.usesRedis" -}}
{{- if has . (list "authorize" "token" "introspection" "compact" "operator") }}true{{ end -}}
{{- end -}}

{{/* Whether an identity has to do with mail, as "true" or nothing: root, identity, mails (where an operator types). */}}
{{- define "valetkey.usesMail" -}}
{{- if and .root.Values.mail.host (or .mails (has .identity (list "authorize" "mailer" "compact"))) }}true{{ end -}}
{{- end -}}

{{/* Whether pods demand the keys that seal what Redis keeps, as "true" or nothing: a Job of ours makes them, or values say so. */}}
{{- define "valetkey.requiresSealing" -}}
{{- if or (include "valetkey.createsSecret" .) (eq .Values.secrets.sealing "required") }}true{{ end -}}
{{- end -}}

{{/* Whether pods demand the keys that seal what authenticator apps share with us, as "true" or nothing; as above. */}}
{{- define "valetkey.requiresCredentialKeys" -}}
{{- if or (include "valetkey.createsSecret" .) (eq .Values.secrets.credentials "required") }}true{{ end -}}
{{- end -}}

{{/* The secret files of an identity, as a list of {file, secret, key, setting, optional}: root, identity. */}}
{{- define "valetkey.secretFiles" -}}
{{- $secret := include "valetkey.secretName" .root -}}
{{- $postgres := .root.Values.postgres.existingSecret | default $secret -}}
{{- $redis := .root.Values.demo.enabled | ternary $secret .root.Values.redis.existingSecret -}}
{{- range $key := get (dict "authorize" (list "cookie-keys") "token" (list "refresh-token-keys" "key-encryption-keys") "compact" (list "cookie-keys" "refresh-token-keys" "key-encryption-keys") "key-rotation" (list "key-encryption-keys")) .identity | default list }}
- {file: {{ $key }}, secret: {{ $secret | quote }}, key: {{ $key }}, setting: {{ $key | replace "-" "_" }}}
{{- end }}
{{- if has .identity (list "authorize" "token" "compact") }}
- {file: sealing-keys, secret: {{ $secret | quote }}, key: sealing-keys, setting: sealing_keys, optional: {{ not (include "valetkey.requiresSealing" .root) }}}
{{- end }}
{{- if has .identity (list "authorize" "compact") }}
- {file: credential-keys, secret: {{ $secret | quote }}, key: credential-keys, setting: credential_keys, optional: {{ not (include "valetkey.requiresCredentialKeys" .root) }}}
{{- end }}
{{- if include "valetkey.usesMail" . }}
- {file: mail-keys, secret: {{ $secret | quote }}, key: mail-keys, setting: mail_keys}
{{- if and .root.Values.mail.user (ne .identity "authorize") }}
- {file: mail-password, secret: {{ .root.Values.mail.existingSecret | quote }}, key: mail-password, setting: mail_password}
{{- end }}
{{- end }}
{{- $password := printf "postgres-%s-password" .identity }}
{{- with .root.Values.postgres.secretPrefix }}
- {file: {{ $password }}, secret: {{ printf "%s%s" . $.identity | quote }}, key: password, setting: postgres_password}
{{- else }}
- {file: {{ $password }}, secret: {{ $postgres | quote }}, key: {{ $password }}, setting: postgres_password}
{{- end }}
{{- with .root.Values.postgres.rootCertSecret }}{{ if .name }}
- {file: postgres-ca.crt, secret: {{ .name | quote }}, key: {{ .key | quote }}, setting: ""}
{{- end }}{{ end }}
{{- if include "valetkey.usesRedis" .identity }}
{{- with $redis }}
- {file: redis-password, secret: {{ . | quote }}, key: redis-password, setting: redis_password}
{{- if $.root.Values.redis.sentinelPassword }}
- {file: redis-sentinel-password, secret: {{ . | quote }}, key: redis-sentinel-password, setting: redis_sentinel_password}
{{- end }}
{{- end }}
{{- with .root.Values.redis.caSecret }}{{ if .name }}
- {file: redis-ca.crt, secret: {{ .name | quote }}, key: {{ .key | quote }}, setting: ""}
{{- end }}{{ end }}
{{- end }}
{{- end -}}

{{/* The settings of an identity, as a mapping without the prefix: root, identity, settings (of that service alone). */}}
{{- define "valetkey.settings" -}}
{{- $values := .root.Values -}}
{{- $told := dict "environment" $values.environment "log_format" "json" "postgres_dsn" (include "valetkey.dsn" .) -}}
{{- if $values.postgres.listenHost -}}
{{- $_ := set $told "postgres_listen_dsn" (include "valetkey.dsn" (dict "root" .root "identity" .identity "host" $values.postgres.listenHost "port" $values.postgres.listenPort)) -}}
{{- $_ := set $told "postgres_pooler" "transaction" -}}
{{- end -}}
{{- with include "valetkey.issuer" .root }}{{ $_ := set $told "issuer" . }}{{ end -}}
{{- if include "valetkey.usesRedis" .identity }}{{ $_ := set $told "redis_url" (include "valetkey.redisUrl" .root) }}{{ end -}}
{{- $serves := has .identity (list "authorize" "token" "introspection" "compact") -}}
{{- $isMailer := eq .identity "mailer" -}}
{{- if $serves -}}
{{- $_ := set $told "host" $values.listenAddress -}}
{{- $_ := set $told "port" 8080 -}}
{{- end -}}
{{- if or $serves $isMailer -}}
{{- $_ := set $told "management_host" $values.listenAddress -}}
{{- $_ := set $told "management_port" 9090 -}}
{{- $_ := set $told "drain_delay" (sub (include "valetkey.withdrawal" .root | int) (include "valetkey.preStop" .root | int)) -}}
{{- $_ := set $told "shutdown_grace" $values.shutdown.graceSeconds -}}
{{- with $values.tracing.otlpEndpoint }}{{ $_ := set $told "otlp_endpoint" . }}{{ end -}}
{{- $_ := set $told "trace_sample_ratio" $values.tracing.sampleRatio -}}
{{- end -}}
{{- if has .identity (list "authorize" "token" "introspection" "operator") -}}
{{- with include "valetkey.trustedProxies" .root | fromYamlArray }}{{ $_ := set $told "trusted_proxies" (join "," .) }}{{ end -}}
{{- end -}}
{{- if include "valetkey.usesMail" . -}}
{{- $_ := set $told "mail_host" $values.mail.host -}}
{{- with $values.mail.from }}{{ $_ := set $told "mail_from" . }}{{ end -}}
{{- if ne .identity "authorize" -}}
{{- $_ := set $told "mail_tls" $values.mail.tls -}}
{{- with $values.mail.port }}{{ $_ := set $told "mail_port" . }}{{ end -}}
{{- with $values.mail.user }}{{ $_ := set $told "mail_user" . }}{{ end -}}
{{- if and $values.mail.templates (ne .identity "operator") }}{{ $_ := set $told "mail_templates_directory" "/etc/valetkey/mails" }}{{ end -}}
{{- end -}}
{{- end -}}
{{- if has .identity (list "authorize" "compact" "mailer") -}}
{{- with $values.theme.name }}{{ $_ := set $told "theme_name" . }}{{ end -}}
{{- end -}}
{{- if has .identity (list "authorize" "compact") -}}
{{- with $values.theme.colour }}{{ $_ := set $told "theme_colour" . }}{{ end -}}
{{- if $values.theme.logoSvg }}{{ $_ := set $told "theme_logo" "/etc/valetkey/logo/logo.svg" }}{{ end -}}
{{- if $values.theme.templates }}{{ $_ := set $told "templates_directory" "/etc/valetkey/templates" }}{{ end -}}
{{- end -}}
{{- if has .identity (list "authorize" "compact" "mailer" "introspection") -}}
{{- with $values.languages.offered }}{{ $_ := set $told "languages" (join "," .) }}{{ end -}}
{{- with $values.languages.default }}{{ $_ := set $told "default_language" . }}{{ end -}}
{{- if and $values.languages.configMap (ne .identity "introspection") }}{{ $_ := set $told "languages_directory" "/etc/valetkey/languages" }}{{ end -}}
{{- end -}}
{{- $settings := deepCopy $values.settings -}}
{{- /* Jobs are too short to be scraped or to push, and have no hole to the collector. */ -}}
{{- if not (or $serves $isMailer) }}{{ $settings = omit $settings "metrics_otlp_endpoint" }}{{ end -}}
{{- mergeOverwrite $told $settings (.settings | default dict) | toYaml -}}
{{- end -}}

{{/* A value as text; whole numbers came out of YAML as floats, and 1e+06 is no number of bytes. */}}
{{- define "valetkey.text" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) }}{{ int64 . }}{{ else }}{{ . }}{{ end -}}
{{- end -}}

{{/* The variables of a container: root, identity, settings. */}}
{{- define "valetkey.env" -}}
{{- range $name, $value := include "valetkey.settings" . | fromYaml }}
- name: VALETKEY_{{ upper $name }}
  value: {{ include "valetkey.text" $value | quote }}
{{- end }}
{{- range include "valetkey.secretFiles" . | fromYamlArray }}{{ if .setting }}
- name: VALETKEY_{{ upper .setting }}_FILE
  value: {{ if .optional }}-{{ end }}/run/secrets/valetkey/{{ .file }}
{{- end }}{{ end }}
{{- end -}}

{{/* The volume with the secret files of an identity, and nothing else of those Secrets. */}}
{{- define "valetkey.secretVolume" -}}
- name: secrets-{{ .identity }}
  projected:
    defaultMode: 0440
    sources:
      {{- range include "valetkey.secretFiles" . | fromYamlArray }}
      - secret:
          name: {{ .secret | quote }}
          items: [{key: {{ .key | quote }}, path: {{ .file }}}]
          {{- if .optional }}
          optional: true
          {{- end }}
      {{- end }}
{{- end -}}

{{/* Seconds in which endpoints are withdrawn; before SIGTERM where the cluster knows the sleep action, else after it. */}}
{{- define "valetkey.withdrawal" -}}
{{- add .Values.shutdown.preStopSeconds .Values.shutdown.drainSeconds -}}
{{- end -}}

{{- define "valetkey.preStop" -}}
{{- semverCompare ">=1.30.0-0" .Capabilities.KubeVersion.Version | ternary .Values.shutdown.preStopSeconds 0 | int -}}
{{- end -}}
