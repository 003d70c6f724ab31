{{/* Rules between values, each with what to do next. */}}
{{- define "valetkey.loopback" -}}
{{- if regexMatch "^(localhost|127(\\.[0-9]+){3}|\\[::1\\])$" . }}true{{ end -}}
{{- end -}}

{{- define "valetkey.checks" -}}
{{- range list "name" "issuer" "setting" "store" "secret" "mail" "migration" "publishing" "proxy" "client" "service" "hatch" "monitoring" "version" -}}
{{- include (printf "valetkey.%sChecks" .) $ -}}
{{- end -}}
{{- end -}}

{{/* Names of objects come before anything else: what is told of the rest names them. */}}
{{- define "valetkey.nameChecks" -}}
{{- $rule := "^[a-z]([-a-z0-9]*[a-z0-9])?$" -}}
{{- $advice := "write lower-case letters, digits and hyphens, a letter first and no hyphen last, at most 38 characters" -}}
{{- range $name := list "nameOverride" "fullnameOverride" -}}
{{- with get $.Values $name -}}
{{- if or (not (mustRegexMatch $rule .)) (gt (len .) 38) }}{{ fail (printf "\n\n%s %s cannot be part of the names of objects: %s.\n" $name . $advice) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- $full := include "valetkey.fullname" . -}}
{{- if not (mustRegexMatch $rule $full) }}{{ fail (printf "\n\nThe release is called %s, and no Service may be called %s: choose another name, or set fullnameOverride: %s.\n" .Release.Name $full $advice) }}{{ end -}}
{{- end -}}

{{- define "valetkey.storeChecks" -}}
{{- $postgres := .Values.postgres -}}
{{- range $host, $port := dict "host" "port" "listenHost" "listenPort" -}}
{{- with get $postgres $host -}}
{{- $address := include "valetkey.hexAddress" (trimPrefix "[" . | trimSuffix "]") -}}
{{- if not (or (mustRegexMatch "^[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_.])?$" .) (eq (len $address) 32)) }}{{ fail (printf "\n\npostgres.%s %s is neither the name of a host nor an address: write the host alone, its port in postgres.%s.\n" $host . $port) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- if .Values.demo.enabled -}}
{{- if or $postgres.host .Values.redis.url }}{{ fail "\n\ndemo.enabled brings its own PostgreSQL and Redis, which keep nothing: remove postgres.host and redis.url, or set demo.enabled=false.\n" }}{{ end -}}
{{- else -}}
{{- if not $postgres.host }}{{ fail "\n\npostgres.host is missing: name your PostgreSQL, or try it out with --set demo.enabled=true.\n" }}{{ end -}}
{{- if not .Values.redis.url }}{{ fail "\n\nredis.url is missing: give it like redis://redis.example:6379/0, or try it out with --set demo.enabled=true.\n" }}{{ end -}}
{{- if and (hasPrefix "verify-" $postgres.sslMode) (not $postgres.rootCertSecret.name) }}{{ fail (printf "\n\npostgres.sslMode=%s needs to know whom to trust: name the Secret with the certificate authority in postgres.rootCertSecret.name.\n" $postgres.sslMode) }}{{ end -}}
{{- end -}}
{{- if regexMatch "^[^/]*//[^@/]*:[^@/]*@" .Values.redis.url }}{{ fail "\n\nredis.url holds a password: put it into a Secret as redis-password, and name that in redis.existingSecret.\n" }}{{ end -}}
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
{{- $passwords := or .Values.postgres.existingSecret .Values.postgres.secretPrefix -}}
{{- if and .Values.postgres.existingSecret .Values.postgres.secretPrefix }}{{ fail "\n\npostgres.existingSecret and postgres.secretPrefix exclude each other: keep one of them.\n" }}{{ end -}}
{{- if and $secrets.create (not .Values.demo.enabled) (not $passwords) }}{{ fail "\n\nsecrets.create makes keys, not the passwords of your PostgreSQL: put those into a Secret and name it in postgres.existingSecret, or use postgres.secretPrefix.\n" }}{{ end -}}
{{- if and $secrets.externalSecret.enabled (not $secrets.externalSecret.storeRef.name) }}{{ fail "\n\nsecrets.externalSecret has no store: name it in secrets.externalSecret.storeRef.name.\n" }}{{ end -}}
{{- if and .Values.demo.enabled $passwords }}{{ fail "\n\ndemo.enabled brings its own PostgreSQL with passwords of its own: remove postgres.existingSecret and postgres.secretPrefix.\n" }}{{ end -}}
{{- end -}}

{{- define "valetkey.mailChecks" -}}
{{- with .Values.mail -}}
{{- if and .host (not .from) }}{{ fail "\n\nmail.from is missing: give the address that mail comes from, such as no-reply@example.com.\n" }}{{ end -}}
{{- if and .user (not .existingSecret) }}{{ fail "\n\nmail.user has no password: put it into a Secret as mail-password, and name that in mail.existingSecret.\n" }}{{ end -}}
{{- if and .existingSecret (not .user) }}{{ fail "\n\nmail.existingSecret holds a password: name the user that it belongs to in mail.user.\n" }}{{ end -}}
{{- if and (not .host) (or .from .user .templates) }}{{ fail "\n\nmail.host is missing: name the SMTP server, or remove the other values of mail.\n" }}{{ end -}}
{{- if and .host (eq .tls "none") (not (include "valetkey.loopback" .host)) }}{{ fail (printf "\n\nmail.tls=none is for a server in the same pod, such as a sidecar at 127.0.0.1, and mail.host is %s: use starttls or tls.\n" .host) }}{{ end -}}
{{- end -}}
{{- end -}}

{{- define "valetkey.migrationChecks" -}}
{{- $late := list -}}
{{- if .Values.demo.enabled }}{{ $late = append $late "demo.enabled" }}{{ end -}}
{{- if .Values.secrets.externalSecret.enabled }}{{ $late = append $late "secrets.externalSecret.enabled" }}{{ end -}}
{{- if .Values.serviceAccount.create }}{{ $late = append $late "serviceAccount.create" }}{{ end -}}
{{- if and $late (eq .Values.migration.mode "hook") }}{{ fail (printf "\n\nmigration.mode=hook would wait for ever: with %s, what a migration needs is only installed after hooks have run. Leave migration.mode=auto, or use job.\n" (join " and " $late)) }}{{ end -}}
{{- end -}}

{{- define "valetkey.publishingChecks" -}}
{{- $host := include "valetkey.issuerHost" . -}}
{{- $unnamed := or (include "valetkey.loopback" $host) (hasPrefix "[" $host) (regexMatch "^[0-9.]+$" $host) -}}
{{- if and .Values.ingress.enabled $unnamed (not .Values.ingress.host) }}{{ fail (printf "\n\ningress has no host: the issuer's, %s, is not a name. Give an issuer with one, or ingress.host.\n" $host) }}{{ end -}}
{{- if and .Values.httpRoute.enabled $unnamed (not .Values.httpRoute.hostnames) }}{{ fail (printf "\n\nhttpRoute has no host: the issuer's, %s, is not a name. Give an issuer with one, or httpRoute.hostnames.\n" $host) }}{{ end -}}
{{- if and .Values.httpRoute.enabled (not .Values.httpRoute.parentRefs) }}{{ fail "\n\nhttpRoute belongs to no Gateway: name one, such as httpRoute.parentRefs=[{name: public, namespace: gateways}].\n" }}{{ end -}}
{{- end -}}

{{- define "valetkey.proxyChecks" -}}
{{- $proxies := .Values.trustedProxies -}}
{{- $published := .Values.ingress.enabled | ternary "ingress.enabled" (.Values.httpRoute.enabled | ternary "httpRoute.enabled" "") -}}
{{- if and $proxies .Values.noTrustedProxies }}{{ fail "\n\ntrustedProxies and noTrustedProxies exclude each other: keep one of them.\n" }}{{ end -}}
{{- range $proxies -}}
{{- if hasSuffix "/0" . }}{{ fail (printf "\n\ntrustedProxies: %s trusts every address, and any caller could then claim another one: name the networks of your proxies only.\n" .) }}{{ end -}}
{{- end -}}
{{- if and $published (not $proxies) (not .Values.noTrustedProxies) }}{{ fail (printf "\n\ntrustedProxies is empty, and with %s all clients would have the address of a proxy, where ten wrong passwords of one person lock out all: name the networks that the pods of your ingress controller or Gateway come from, such as --set-json 'trustedProxies=[\"10.244.0.0/16\"]' (`kubectl get pods --all-namespaces --output wide` shows their addresses, `kubectl get nodes --output jsonpath='{.items[*].spec.podCIDRs[*]}'` the networks of pods), or set noTrustedProxies=true where callers are seen at their own addresses.\n" $published) }}{{ end -}}
{{- end -}}

{{- define "valetkey.issuerChecks" -}}
{{- $issuer := include "valetkey.issuer" . -}}
{{- if not $issuer }}{{ fail "\n\nissuer is missing: give the public URL, such as --set issuer=https://id.example.com, or try it out with --set demo.enabled=true.\n" }}{{ end -}}
{{- end -}}

{{- define "valetkey.clientChecks" -}}
{{- $clients := .Values.clients -}}
{{- if $clients.enabled -}}
{{- $declared := or $clients.declarations $clients.scopes $clients.attributes $clients.groups $clients.users -}}
{{- if and $clients.existingConfigMap (or $declared .Values.demo.enabled) }}{{ fail "\n\nclients.existingConfigMap takes the place of clients.declarations and clients.scopes, and of the demo's clients: give one or the other.\n" }}{{ end -}}
{{- if not (or $clients.existingConfigMap $declared) }}{{ fail "\n\nclients.enabled has nothing to register: add clients.declarations (or scopes, attributes, groups, users), or name a ConfigMap in clients.existingConfigMap.\n" }}{{ end -}}
{{- range $clients.declarations -}}
{{- if not (or .secret_file (eq (.token_endpoint_auth_method | default "") "none")) }}{{ fail (printf "\n\nclients: %s has no secret: give it a secret_file, or token_endpoint_auth_method: none for a public client.\n" .client_id) }}{{ end -}}
{{- with .secret_file -}}
{{- $secret := index (splitList "/" .) 4 -}}
{{- if not (has $secret $clients.secrets) }}{{ fail (printf "\n\nclients: %s is in no Secret that is mounted: add %s to clients.secrets.\n" . $secret) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "valetkey.serviceChecks" -}}
{{- range include "valetkey.workloads" . | fromYamlArray -}}
{{- $values := include "valetkey.values" (dict "root" $ "component" .) | fromYaml -}}
{{- if gt (int $values.autoscaling.minReplicas) (int $values.autoscaling.maxReplicas) }}{{ fail (printf "\n\n%s: autoscaling.minReplicas is above autoscaling.maxReplicas: lower it.\n" .) }}{{ end -}}
{{- if and $values.topologySpreadConstraints $values.topologySpread.enabled (ne (toJson $values.topologySpread) (toJson $.Values.services.topologySpread)) }}{{ fail (printf "\n\n%s: topologySpread and topologySpreadConstraints exclude each other: keep one of them.\n" .) }}{{ end -}}
{{- if and $values.autoscaling.enabled $values.autoscaling.keda.enabled (not $values.autoscaling.keda.triggers) }}{{ fail (printf "\n\n%s: autoscaling.keda has no triggers: name what KEDA scales by, such as [{type: cpu, metricType: Utilization, metadata: {value: \"70\"}}].\n" .) }}{{ end -}}
{{- end -}}
{{- range $label, $_ := .Values.commonLabels -}}
{{- if or (hasPrefix "app.kubernetes.io/" $label) (hasPrefix "helm.sh/" $label) }}{{ fail (printf "\n\ncommonLabels: %s is a label of the chart, by which its objects find each other: choose another name.\n" $label) }}{{ end -}}
{{- end -}}
{{- end -}}

{{- define "valetkey.monitoringChecks" -}}
{{- with .Values.monitoring.rules -}}
{{- if and .enabled (not (mustRegexMatch "^https?://[^/?#@\\s]+(/[^?#\\s]*)?$" .runbookBaseUrl)) }}{{ fail (printf "\n\nmonitoring.rules.runbookBaseUrl %s is no URL, and an alert leads to its runbook by one: give what stands before `deploy/runbooks/...` where your people read this release, such as https://git.example.com/identity/valetkey/blob/v%s.\n" (.runbookBaseUrl | quote) $.Chart.AppVersion) }}{{ end -}}
{{- end -}}
{{- end -}}

{{/* What some Kubernetes that the chart runs on has not, where values ask for it. */}}
{{- define "valetkey.versionChecks" -}}
{{- range list "authorize" "token" "introspection" -}}
{{- $values := include "valetkey.values" (dict "root" $ "component" .) | fromYaml -}}
{{- if and $values.service.trafficDistribution (semverCompare "<1.31.0-0" $.Capabilities.KubeVersion.Version) }}{{ fail (printf "\n\n%s: service.trafficDistribution needs Kubernetes 1.31, and this is %s: remove it, the cluster would ignore it.\n" . $.Capabilities.KubeVersion.Version) }}{{ end -}}
{{- end -}}
{{- end -}}
