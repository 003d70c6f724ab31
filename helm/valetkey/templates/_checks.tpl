{{/* Rules between values, each with what to do next. */}}
{{- define "valetkey.loopback" -}}
{{- if regexMatch "^(localhost|127(\\.[0-9]+){3}|\\[::1\\])$" . }}true{{ end -}}
{{- end -}}

{{- define "valetkey.checks" -}}
{{- $issuer := include "valetkey.issuer" . -}}
{{- $host := include "valetkey.issuerHost" . -}}
{{- $demo := .Values.demo.enabled -}}
{{- if not $issuer }}{{ fail "\n\nissuer is missing: give the public URL, such as --set issuer=https://id.example.com, or try it out with --set demo.enabled=true.\n" }}{{ end -}}
{{- if and (hasPrefix "http:" $issuer) (not (include "valetkey.loopback" $host)) }}{{ fail (printf "\n\nissuer %s has no TLS: write https:// (something in front ends TLS), or use a loopback address to try it out.\n" $issuer) }}{{ end -}}
{{- include "valetkey.storeChecks" . -}}
{{- include "valetkey.secretChecks" . -}}
{{- include "valetkey.publishingChecks" . -}}
{{- if and (eq .Values.migration.mode "hook") (ne "" (ternary "demo.enabled" (ternary "secrets.externalSecret.enabled" "" .Values.secrets.externalSecret.enabled) $demo)) }}{{ fail (printf "\n\nmigration.mode=hook would wait for ever: with %s, what a migration needs is only installed after hooks have run. Leave migration.mode=auto, or use job.\n" (ternary "demo.enabled" "secrets.externalSecret.enabled" $demo)) }}{{ end -}}
{{- if and .Values.clients.enabled .Values.clients.existingConfigMap (or .Values.clients.declarations .Values.clients.scopes $demo) }}{{ fail "\n\nclients.existingConfigMap takes the place of clients.declarations and clients.scopes, and of the demo's clients: give one or the other.\n" }}{{ end -}}
{{- if and .Values.clients.enabled (not .Values.clients.existingConfigMap) (not .Values.clients.declarations) (not .Values.clients.scopes) }}{{ fail "\n\nclients.enabled has nothing to register: add clients.declarations, or name a ConfigMap in clients.existingConfigMap.\n" }}{{ end -}}
{{- range list "authorize" "token" "introspection" -}}
{{- $scaling := (include "valetkey.values" (dict "root" $ "component" .) | fromYaml).autoscaling -}}
{{- if gt (int $scaling.minReplicas) (int $scaling.maxReplicas) }}{{ fail (printf "\n\n%s: autoscaling.minReplicas is above autoscaling.maxReplicas: lower it.\n" .) }}{{ end -}}
{{- end -}}
{{- end -}}

{{- define "valetkey.storeChecks" -}}
{{- $postgres := .Values.postgres -}}
{{- if .Values.demo.enabled -}}
{{- if or $postgres.host .Values.redis.url }}{{ fail "\n\ndemo.enabled brings its own PostgreSQL and Redis, which keep nothing: remove postgres.host and redis.url, or set demo.enabled=false.\n" }}{{ end -}}
{{- else -}}
{{- if not $postgres.host }}{{ fail "\n\npostgres.host is missing: name your PostgreSQL, or try it out with --set demo.enabled=true.\n" }}{{ end -}}
{{- if not .Values.redis.url }}{{ fail "\n\nredis.url is missing: give it like redis://redis.example:6379/0, or try it out with --set demo.enabled=true.\n" }}{{ end -}}
{{- if and (hasPrefix "verify-" $postgres.sslMode) (not $postgres.rootCertSecret.name) }}{{ fail (printf "\n\npostgres.sslMode=%s needs to know whom to trust: name the Secret with the certificate authority in postgres.rootCertSecret.name.\n" $postgres.sslMode) }}{{ end -}}
{{- end -}}
{{- if and .Values.redis.sentinelPassword (not .Values.redis.existingSecret) }}{{ fail "\n\nredis.sentinelPassword is in a Secret: name it in redis.existingSecret.\n" }}{{ end -}}
{{- end -}}

{{- define "valetkey.secretChecks" -}}
{{- $secrets := .Values.secrets -}}
{{- $ways := list -}}
{{- if $secrets.existingSecret }}{{ $ways = append $ways "secrets.existingSecret" }}{{ end -}}
{{- if $secrets.create }}{{ $ways = append $ways "secrets.create" }}{{ end -}}
{{- if $secrets.externalSecret.enabled }}{{ $ways = append $ways "secrets.externalSecret.enabled" }}{{ end -}}
{{- if gt (len $ways) 1 }}{{ fail (printf "\n\n%s exclude each other: keep one of them.\n" (join " and " $ways)) }}{{ end -}}
{{- if not (or $ways .Values.demo.enabled) }}{{ fail "\n\nNo Secret with keys: name yours in secrets.existingSecret, or let a Job make one with --set secrets.create=true, or use secrets.externalSecret.\n" }}{{ end -}}
{{- if and $secrets.create (not .Values.demo.enabled) (not .Values.postgres.existingSecret) }}{{ fail "\n\nsecrets.create makes keys, not the passwords of your PostgreSQL: put those into a Secret and name it in postgres.existingSecret.\n" }}{{ end -}}
{{- if and $secrets.externalSecret.enabled (not $secrets.externalSecret.storeRef.name) }}{{ fail "\n\nsecrets.externalSecret has no store: name it in secrets.externalSecret.storeRef.name.\n" }}{{ end -}}
{{- if and .Values.demo.enabled .Values.postgres.existingSecret }}{{ fail "\n\ndemo.enabled brings its own PostgreSQL with passwords of its own: remove postgres.existingSecret.\n" }}{{ end -}}
{{- end -}}

{{- define "valetkey.publishingChecks" -}}
{{- $host := include "valetkey.issuerHost" . -}}
{{- $unnamed := or (include "valetkey.loopback" $host) (hasPrefix "[" $host) (regexMatch "^[0-9.]+$" $host) -}}
{{- if and .Values.ingress.enabled $unnamed (not .Values.ingress.host) }}{{ fail (printf "\n\ningress has no host: the issuer's, %s, is not a name. Give an issuer with one, or ingress.host.\n" $host) }}{{ end -}}
{{- if and .Values.httpRoute.enabled $unnamed (not .Values.httpRoute.hostnames) }}{{ fail (printf "\n\nhttpRoute has no host: the issuer's, %s, is not a name. Give an issuer with one, or httpRoute.hostnames.\n" $host) }}{{ end -}}
{{- if and .Values.httpRoute.enabled (not .Values.httpRoute.parentRefs) }}{{ fail "\n\nhttpRoute belongs to no Gateway: name one, such as httpRoute.parentRefs=[{name: public, namespace: gateways}].\n" }}{{ end -}}
{{- end -}}
