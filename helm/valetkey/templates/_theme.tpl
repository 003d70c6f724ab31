{{/* The look of the pages: a logo, and templates whose file names may have a folder. */}}
{{- define "valetkey.themeMounts" -}}
{{- if .Values.theme.logoSvg }}
- {name: theme-logo, mountPath: /etc/valetkey/logo, readOnly: true}
{{- end }}
{{- if .Values.theme.templates }}
- {name: theme-templates, mountPath: /etc/valetkey/templates, readOnly: true}
{{- end }}
{{- end -}}

{{- define "valetkey.themeVolumes" -}}
{{- $name := printf "%s-theme" (include "valetkey.fullname" .) -}}
{{- if .Values.theme.logoSvg }}
- name: theme-logo
  configMap: {name: {{ $name }}, items: [{key: logo.svg, path: logo.svg}]}
{{- end }}
{{- if .Values.theme.templates }}
- name: theme-templates
  configMap:
    name: {{ $name }}
    items:
      {{- range $file, $_ := .Values.theme.templates }}
      - {key: {{ include "valetkey.themeKey" $file | quote }}, path: {{ $file | quote }}}
      {{- end }}
{{- end }}
{{- end -}}

{{/* A key of a ConfigMap has no slash. */}}
{{- define "valetkey.themeKey" -}}
templates..{{ replace "/" ".." . }}
{{- end -}}
