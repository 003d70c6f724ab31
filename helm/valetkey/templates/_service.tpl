{{/* The objects of authorize, token, introspection and mailer, or of compact in their place: each takes root and component. */}}
{{- define "valetkey.deployment" -}}
{{- if include "valetkey.isWorkload" . -}}
{{- $isServer := include "valetkey.isServer" . -}}
{{- $root := .root -}}
{{- $component := .component -}}
{{- $values := include "valetkey.values" . | fromYaml -}}
{{- $access := dict "root" $root "identity" $component "settings" $values.settings -}}
{{- $theme := and (has $component (list "authorize" "compact")) (not (empty (or $root.Values.theme.logoSvg $root.Values.theme.templates))) -}}
{{- $migrates := and (has $component (list "token" "compact")) (eq (include "valetkey.migrationMode" $root) "initContainer") -}}
{{- $mailTemplates := and (has $component (list "mailer" "compact")) (not (empty $root.Values.mail.templates)) (not (empty $root.Values.mail.host)) -}}
{{- $languages := and (has $component (list "authorize" "mailer" "compact")) (not (empty $root.Values.languages.configMap)) -}}
{{- $mounts := list -}}
{{- if $theme }}{{ $mounts = include "valetkey.themeMounts" $root | fromYamlArray }}{{ end -}}
{{- if $mailTemplates }}{{ $mounts = append $mounts (dict "name" "mail-templates" "mountPath" "/etc/valetkey/mails" "readOnly" true) }}{{ end -}}
{{- if $languages }}{{ $mounts = append $mounts (dict "name" "languages" "mountPath" "/etc/valetkey/languages" "readOnly" true) }}{{ end -}}
{{- $checksums := dict "checksum/settings" (include "valetkey.settings" $access | sha256sum) "checksum/secrets" (include "valetkey.secretFiles" $access | sha256sum) -}}
{{- if $root.Values.monitoring.serviceMonitor.enabled }}{{ $_ := set $values "podLabels" (merge (dict "valetkey/scraped" "true") $values.podLabels) }}{{ end -}}
{{- if $theme }}{{ $_ := set $checksums "checksum/theme" (toJson $root.Values.theme | sha256sum) }}{{ end -}}
{{- if $mailTemplates }}{{ $_ := set $checksums "checksum/mails" (toJson $root.Values.mail.templates | sha256sum) }}{{ end -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "valetkey.metadata" (merge (dict "annotations" $values.deploymentAnnotations) .) | nindent 2 }}
spec:
  {{- if not $values.autoscaling.enabled }}
  replicas: {{ int $values.replicas }}
  {{- else }}
  {{- /* As many as there are. Left out, Kubernetes would go on with one until the autoscaler looks, where a release before had a number. */}}
  {{- with lookup "apps/v1" "Deployment" $root.Release.Namespace (printf "%s-%s" (include "valetkey.fullname" $root) $component) }}
  replicas: {{ int .spec.replicas }}
  {{- end }}
  {{- end }}
  revisionHistoryLimit: 5
  strategy:
    type: RollingUpdate
    rollingUpdate: {maxUnavailable: 0, maxSurge: 25%}
  selector:
    matchLabels:
      {{- include "valetkey.selector" . | nindent 6 }}
  template:
    metadata:
      {{- include "valetkey.podMetadata" (dict "root" $root "component" $component "values" $values "checksums" $checksums) | nindent 6 }}
    spec:
      {{- include "valetkey.podSecurity" (dict "root" $root "security" $root.Values.security "values" $values) | nindent 6 }}
      {{- with include "valetkey.scheduling" $values | trim }}
      {{- . | nindent 6 }}
      {{- end }}
      {{- with include "valetkey.topologySpread" (dict "root" $root "component" $component "values" $values) | trim }}
      {{- . | nindent 6 }}
      {{- end }}
      # preStop, drain, requests in flight, and time for the process to end.
      terminationGracePeriodSeconds: {{ add (include "valetkey.withdrawal" $root | int) $root.Values.shutdown.graceSeconds 10 }}
      {{- if or $migrates $values.initContainers }}
      initContainers:
        {{- with $values.initContainers }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
        {{- if $migrates }}
        {{- include "valetkey.migrationContainers" $root | nindent 8 }}
        {{- end }}
      {{- end }}
      containers:
        - {{ include "valetkey.container" (merge (dict "name" $component "image" $values.image "values" $values "mounts" $mounts) $access) | nindent 10 | trim }}
          ports:
            {{- if $isServer }}
            - {name: http, containerPort: 8080}
            {{- end }}
            - {name: management, containerPort: 9090}
          {{- include "valetkey.probes" $values | nindent 10 }}
          {{- with include "valetkey.lifecycle" (dict "root" $root "values" $values "isServer" $isServer) }}
          lifecycle:
            {{- . | nindent 12 }}
          {{- end }}
        {{- with $values.extraContainers }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      volumes:
        {{- include "valetkey.tmpVolume" $root | nindent 8 }}
        {{- include "valetkey.secretVolume" $access | nindent 8 }}
        {{- if $migrates }}
        {{- include "valetkey.migrationVolumes" $root | nindent 8 }}
        {{- end }}
        {{- if $theme }}
        {{- include "valetkey.themeVolumes" $root | nindent 8 }}
        {{- end }}
        {{- if $mailTemplates }}
        - name: mail-templates
          configMap: {name: {{ include "valetkey.fullname" $root }}-mails}
        {{- end }}
        {{- if $languages }}
        - name: languages
          configMap: {name: {{ $root.Values.languages.configMap | quote }}}
        {{- end }}
        {{- with concat $values.extraVolumes (ternary $root.Values.jobs.extraVolumes list $migrates) | uniq }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
{{- end -}}
{{- end -}}

{{/* The probes of a service, each with what values say of it. */}}
{{- define "valetkey.probes" -}}
{{- $defaults := dict
  "startupProbe" (dict "httpGet" (dict "path" "/livez" "port" "management") "periodSeconds" 1 "failureThreshold" 60)
  "readinessProbe" (dict "httpGet" (dict "path" "/readyz" "port" "management") "periodSeconds" 2 "timeoutSeconds" 3 "failureThreshold" 3)
  "livenessProbe" (dict "httpGet" (dict "path" "/livez" "port" "management") "periodSeconds" 10 "timeoutSeconds" 5 "failureThreshold" 6) -}}
{{- $probes := dict -}}
{{- range $name, $probe := $defaults }}{{ $_ := set $probes $name (mustMergeOverwrite $probe (deepCopy (get $ $name))) }}{{ end -}}
{{- toYaml $probes -}}
{{- end -}}

{{/* What happens before SIGTERM, unless values say otherwise. */}}
{{- define "valetkey.lifecycle" -}}
{{- $lifecycle := dict -}}
{{- /* A worker has no endpoint that would have to be withdrawn first. */ -}}
{{- with and .isServer (include "valetkey.preStop" .root | int) }}{{ $lifecycle = dict "preStop" (dict "sleep" (dict "seconds" .)) }}{{ end -}}
{{- with merge (deepCopy .values.lifecycle) $lifecycle }}{{ toYaml . }}{{ end -}}
{{- end -}}

{{- define "valetkey.topologySpread" -}}
{{- if .values.topologySpreadConstraints -}}
topologySpreadConstraints:
  {{- toYaml .values.topologySpreadConstraints | nindent 2 }}
{{- else if .values.topologySpread.enabled -}}
topologySpreadConstraints:
  {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: {{ $.values.topologySpread.whenUnsatisfiable }}
    matchLabelKeys: [pod-template-hash]
    labelSelector:
      matchLabels:
        {{- include "valetkey.selector" $ | nindent 8 }}
  {{- end }}
{{- end -}}
{{- end -}}

{{- define "valetkey.service" -}}
{{- if include "valetkey.isServer" . -}}
{{- $service := (include "valetkey.values" . | fromYaml).service -}}
apiVersion: v1
kind: Service
metadata:
  {{- include "valetkey.metadata" (merge (dict "annotations" $service.annotations "labels" $service.labels) .) | nindent 2 }}
spec:
  type: {{ $service.type }}
  {{- range $name := list "externalTrafficPolicy" "internalTrafficPolicy" "loadBalancerClass" "trafficDistribution" "ipFamilyPolicy" }}
  {{- with get $service $name }}
  {{ $name }}: {{ . | quote }}
  {{- end }}
  {{- end }}
  {{- range $name := list "loadBalancerSourceRanges" "ipFamilies" }}
  {{- with get $service $name }}
  {{ $name }}:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
  selector:
    {{- include "valetkey.selector" . | nindent 4 }}
  ports:
    - name: http
      port: 8080
      targetPort: http
      protocol: TCP
      appProtocol: http
      {{- with $service.nodePort }}
      nodePort: {{ int . }}
      {{- end }}
{{- end -}}
{{- end -}}

{{- define "valetkey.horizontalPodAutoscaler" -}}
{{- $scaling := (include "valetkey.values" . | fromYaml).autoscaling -}}
{{- if not (include "valetkey.isServer" .) -}}
{{- else if and $scaling.enabled $scaling.keda.enabled -}}
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  {{- include "valetkey.metadata" (merge (dict "annotations" $scaling.keda.annotations) .) | nindent 2 }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {{ include "valetkey.fullname" .root }}-{{ .component }}
  minReplicaCount: {{ int $scaling.minReplicas }}
  maxReplicaCount: {{ int $scaling.maxReplicas }}
  pollingInterval: {{ int $scaling.keda.pollingInterval }}
  cooldownPeriod: {{ int $scaling.keda.cooldownPeriod }}
  advanced:
    horizontalPodAutoscalerConfig:
      behavior:
        {{- toYaml $scaling.behavior | nindent 8 }}
  triggers:
    {{- toYaml $scaling.keda.triggers | nindent 4 }}
{{- else if $scaling.enabled -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  {{- include "valetkey.metadata" . | nindent 2 }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {{ include "valetkey.fullname" .root }}-{{ .component }}
  minReplicas: {{ int $scaling.minReplicas }}
  maxReplicas: {{ int $scaling.maxReplicas }}
  metrics:
    - type: Resource
      resource:
        name: cpu
        target: {type: Utilization, averageUtilization: {{ int $scaling.targetCPUUtilizationPercentage }}}
  behavior:
    {{- toYaml $scaling.behavior | nindent 4 }}
{{- end -}}
{{- end -}}

{{- define "valetkey.podDisruptionBudget" -}}
{{- $budget := (include "valetkey.values" . | fromYaml).podDisruptionBudget -}}
{{- if and $budget.enabled (include "valetkey.isWorkload" .) -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "valetkey.metadata" . | nindent 2 }}
spec:
  maxUnavailable: {{ include "valetkey.text" $budget.maxUnavailable }}
  # Pods that are not ready may be evicted: they protect nothing, and would block draining a node for ever.
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "valetkey.selector" . | nindent 6 }}
{{- end -}}
{{- end -}}
