{{/*
Which component serves which path, as a list of {path, service}, the issuer's own path in front. A path stands for itself
and everything below it. Well-known documents may also precede the issuer's path (RFC 8414 §3.1), and two are of the
whole host.
*/}}
{{- define "valetkey.routes" -}}
{{- $base := include "valetkey.issuerPath" . -}}
{{- range $service, $segments := dict
  "authorize" (list "authorize" "login" "second-factor" "enrol" "account" "recover" "select-account" "consent" "logout" "static")
  "token" (list "token" "revoke")
  "introspection" (list "introspect" "userinfo" "jwks" ".well-known") }}
{{- range $segments }}
- {path: {{ $base }}/{{ . }}, service: {{ include "valetkey.serverOf" (dict "root" $ "service" $service) }}}
{{- end }}
{{- end }}
{{- if $base }}
{{- range list "oauth-authorization-server" "openid-configuration" }}
- {path: /.well-known/{{ . }}{{ $base }}, service: {{ include "valetkey.serverOf" (dict "root" $ "service" "introspection") }}}
{{- end }}
{{- if .Values.hostWellKnown }}
{{- range list "change-password" "passkey-endpoints" }}
- {path: /.well-known/{{ . }}, service: {{ include "valetkey.serverOf" (dict "root" $ "service" "introspection") }}}
{{- end }}
{{- end }}
{{- end }}
- {path: {{ $base | default "/" }}, service: {{ include "valetkey.serverOf" (dict "root" . "service" "authorize") }}}
{{- end -}}
