{{/* What operators may add to pods, and how far it may go. */}}
{{- define "valetkey.hatchChecks" -}}
{{- range append (include "valetkey.workloads" . | fromYamlArray) "jobs" -}}
{{- $values := $.Values.jobs -}}
{{- if ne . "jobs" }}{{ $values = include "valetkey.values" (dict "root" $ "component" .) | fromYaml }}{{ end -}}
{{- range $values.extraEnv -}}
{{- if hasPrefix "VALETKEY_" .name }}{{ fail (printf "\n\nextraEnv: %s is a setting: give it in settings, or in the value that stands for it, where it is checked.\n" .name) }}{{ end -}}
{{- end -}}
{{- range $values.extraVolumes -}}
{{- if or (eq .name "tmp") (hasPrefix "secrets-" .name) }}{{ fail (printf "\n\nextraVolumes: the chart has a volume %s of its own: choose another name.\n" .name) }}{{ end -}}
{{- end -}}
{{- range $values.extraVolumeMounts -}}
{{- if has (trimSuffix "/" .mountPath) (list "/tmp" "/run/secrets/valetkey") }}{{ fail (printf "\n\nextraVolumeMounts: the chart mounts something of its own at %s: choose another path.\n" .mountPath) }}{{ end -}}
{{- end -}}
{{- if not $.Values.security.allowWeakened -}}
{{- $weakened := include "valetkey.weakened" (dict "context" $values.securityContext) | fromYamlArray -}}
{{- $weakened = concat $weakened (include "valetkey.weakened" (dict "context" $values.podSecurityContext) | fromYamlArray) -}}
{{- with $weakened }}{{ fail (printf "\n\nsecurityContext: %s is less than the Pod Security Standard \"restricted\" demands: remove it, or say security.allowWeakened=true.\n" (join ", " .)) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The names of what a context takes away from "restricted", as a list. */}}
{{- define "valetkey.weakened" -}}
{{- $weak := list -}}
{{- with .context -}}
{{- range $name := list "privileged" "allowPrivilegeEscalation" }}{{ if get $.context $name }}{{ $weak = append $weak $name }}{{ end }}{{ end -}}
{{- if and (hasKey . "runAsNonRoot") (not .runAsNonRoot) }}{{ $weak = append $weak "runAsNonRoot" }}{{ end -}}
{{- if and (hasKey . "readOnlyRootFilesystem") (not .readOnlyRootFilesystem) }}{{ $weak = append $weak "readOnlyRootFilesystem" }}{{ end -}}
{{- if and (hasKey . "runAsUser") (not (kindIs "invalid" .runAsUser)) (eq (int64 .runAsUser) 0) }}{{ $weak = append $weak "runAsUser" }}{{ end -}}
{{- with .capabilities -}}
{{- range .add }}{{ if ne . "NET_BIND_SERVICE" }}{{ $weak = append $weak "capabilities.add" }}{{ end }}{{ end -}}
{{- if and (hasKey . "drop") (not (has "ALL" .drop)) }}{{ $weak = append $weak "capabilities.drop" }}{{ end -}}
{{- end -}}
{{- with .seccompProfile }}{{ if eq (.type | default "") "Unconfined" }}{{ $weak = append $weak "seccompProfile" }}{{ end }}{{ end -}}
{{- with .procMount }}{{ if ne . "Default" }}{{ $weak = append $weak "procMount" }}{{ end }}{{ end -}}
{{- end -}}
{{- toYaml ($weak | uniq) -}}
{{- end -}}
