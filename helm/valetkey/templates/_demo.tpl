{{/* How a pod of the demo begins: root, component, values, checksums. Containers and volumes follow. */}}
{{- define "valetkey.demoPod" -}}
{{- $user := dict "runAsUser" .values.runAsUser "runAsGroup" .values.runAsUser "fsGroup" .values.runAsUser -}}
metadata:
  {{- include "valetkey.podMetadata" (dict "root" .root "component" .component "values" dict "checksums" .checksums) | nindent 2 }}
spec:
  {{- include "valetkey.podSecurity" (dict "root" .root "security" $user) | nindent 2 }}
  terminationGracePeriodSeconds: 30
{{- end -}}

{{- define "valetkey.demoMetadata" -}}
{{- include "valetkey.metadata" (dict "root" .root "component" .component "annotations" (dict "valetkey/demo" "keeps nothing, protects nothing: never for real use")) -}}
{{- end -}}

{{/* How a container of the demo begins: root, component, values. */}}
{{- define "valetkey.demoContainer" -}}
name: {{ .component }}
image: {{ printf "%s:%s" .values.image.repository .values.image.tag | quote }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
securityContext:
  {{- include "valetkey.containerSecurity" . | nindent 2 }}
resources:
  {{- toYaml .values.resources | nindent 2 }}
{{- end -}}

{{- define "valetkey.demoService" -}}
apiVersion: v1
kind: Service
metadata:
  {{- include "valetkey.demoMetadata" . | nindent 2 }}
spec:
  type: ClusterIP
  selector:
    {{- include "valetkey.selector" . | nindent 4 }}
  ports:
    - {name: {{ .name }}, port: {{ .port }}, targetPort: {{ .name }}, protocol: TCP}
{{- end -}}

{{/* Only its clients reach a store of the demo, and it opens no connection: root, component, port, from (components). */}}
{{- define "valetkey.demoPolicy" -}}
{{- $from := "" -}}
{{- range .from }}{{ $from = printf "%s\n%s" $from (include "valetkey.component" (dict "root" $.root "component" .)) }}{{ end -}}
{{- include "valetkey.policy" (dict "root" .root "component" .component "ingress" (printf "- ports: [{protocol: TCP, port: %d}]\n  from:\n%s" .port ($from | trim | indent 4))) -}}
{{- end -}}
