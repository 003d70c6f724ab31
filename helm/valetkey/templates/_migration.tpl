{{/* First the schema, then the first keys: services are ready once both are there. */}}
{{- define "valetkey.migrateContainer" -}}
- {{ include "valetkey.container" (dict "root" . "name" "migrate" "identity" "migration" "image" .Values.cli.image "values" .Values.jobs "args" (list "migrate" "up" "--wait" "240")) | nindent 2 | trim }}
{{- end -}}

{{- define "valetkey.firstKeysContainer" -}}
- {{ include "valetkey.container" (dict "root" . "name" "first-keys" "identity" "key-rotation" "image" .Values.keyRotation.image "values" .Values.jobs "args" (list "--wait" "240")) | nindent 2 | trim }}
{{- end -}}

{{- define "valetkey.migrationContainers" -}}
{{ include "valetkey.migrateContainer" . }}
{{ include "valetkey.firstKeysContainer" . }}
{{- end -}}

{{- define "valetkey.migrationVolumes" -}}
{{ include "valetkey.secretVolume" (dict "root" . "identity" "migration") }}
{{ include "valetkey.secretVolume" (dict "root" . "identity" "key-rotation") }}
{{- end -}}
