{{/*
The demo's way in: deploy/nginx, with the names of our Services. They are looked up once, when nginx starts: the address
of a Service does not change, and the names that nginx looks up itself would need the domain of the cluster.
*/}}
{{- define "valetkey.frontDoorConfig" -}}
{{- $upstreams := list -}}
{{- range list "authorize" "token" "introspection" -}}
{{- $upstreams = append $upstreams (printf "upstream %s { server %s-%s:8080; }" . (include "valetkey.fullname" $) (include "valetkey.serverOf" (dict "root" $ "service" .))) -}}
{{- end -}}
{{- .Files.Get "files/nginx/nginx.conf.template"
  | replace "resolver ${RESOLVER} valid=1s;" (join "\n    " $upstreams)
  | replace "${LISTEN}" "8080"
  | replace "${ISSUER_PATH}" (include "valetkey.issuerPath" .)
  | replace "${AUTHORIZE}" "authorize"
  | replace "${TOKEN}" "token"
  | replace "${INTROSPECTION}" "introspection" -}}
{{- end -}}
