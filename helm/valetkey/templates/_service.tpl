{{/* The objects of authorize, token and introspection: each takes root and component. */}}
{{- define "valetkey.deployment" -}}
{{- $root := .root -}}
{{- $component := .component -}}
{{- $values := include "valetkey.values" . | fromYaml -}}
{{- $access := dict "root" $root "identity" $component "settings" $values.settings -}}
{{- $theme := and (eq $component "authorize") (not (empty (or $root.Values.theme.logoSvg $root.Values.theme.templates))) -}}
{{- $migrates := and (eq $component "token") (eq (include "valetkey.migrationMode" $root) "initContainer") -}}
{{- $checksums := dict "checksum/settings" (include "valetkey.settings" $access | sha256sum) "checksum/secrets" (include "valetkey.secretFiles" $access | sha256sum) -}}
{{- if $theme }}{{ $_ := set $checksums "checksum/theme" (toJson $root.Values.theme | sha256sum) }}{{ end -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "valetkey.metadata" . | nindent 2 }}
spec:
  {{- if not $values.autoscaling.enabled }}
  replicas: {{ int $values.replicas }}
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
      {{- include "valetkey.podSecurity" (dict "root" $root "security" $root.Values.security) | nindent 6 }}
      {{- with include "valetkey.scheduling" $values | trim }}
      {{- . | nindent 6 }}
      {{- end }}
      {{- with include "valetkey.topologySpread" (dict "root" $root "component" $component "values" $values) | trim }}
      {{- . | nindent 6 }}
      {{- end }}
      # preStop, drain, requests in flight, and time for the process to end.
      terminationGracePeriodSeconds: {{ add (include "valetkey.withdrawal" $root | int) $root.Values.shutdown.graceSeconds 10 }}
      {{- if $migrates }}
      initContainers:
        {{- include "valetkey.migrationContainers" $root | nindent 8 }}
      {{- end }}
      containers:
        - {{ include "valetkey.container" (merge (dict "name" $component "image" $values.image "resources" $values.resources "extraEnv" $values.extraEnv "mounts" (ternary (include "valetkey.themeMounts" $root | fromYamlArray) nil $theme)) $access) | nindent 10 | trim }}
          ports:
            - {name: http, containerPort: 8080}
            - {name: management, containerPort: 9090}
          startupProbe:
            httpGet: {path: /livez, port: management}
            periodSeconds: 1
            failureThreshold: 60
          readinessProbe:
            httpGet: {path: /readyz, port: management}
            periodSeconds: 2
            timeoutSeconds: 3
            failureThreshold: 3
          livenessProbe:
            httpGet: {path: /livez, port: management}
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 6
          {{- with include "valetkey.preStop" $root | int }}
          lifecycle:
            preStop:
              sleep: {seconds: {{ . }}}
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
{{- end -}}

{{- define "valetkey.topologySpread" -}}
{{- if .values.topologySpread.enabled -}}
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
apiVersion: v1
kind: Service
metadata:
  {{- include "valetkey.metadata" . | nindent 2 }}
spec:
  type: ClusterIP
  selector:
    {{- include "valetkey.selector" . | nindent 4 }}
  ports:
    - {name: http, port: 8080, targetPort: http, protocol: TCP, appProtocol: http}
{{- end -}}

{{- define "valetkey.horizontalPodAutoscaler" -}}
{{- $scaling := (include "valetkey.values" . | fromYaml).autoscaling -}}
{{- if $scaling.enabled -}}
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
{{- if $budget.enabled -}}
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
