{{/* The demo's way in: one address for the three services, by the same paths as an Ingress. */}}
{{- define "valetkey.frontDoorConfig" -}}
{{- $full := include "valetkey.fullname" . -}}
pid /tmp/nginx.pid;
error_log /dev/stderr warn;
worker_processes 1;

events {
    worker_connections 1024;
}

http {
    access_log off;
    server_tokens off;
    client_body_temp_path /tmp/body;
    proxy_temp_path /tmp/proxy;
    fastcgi_temp_path /tmp/fastcgi;
    uwsgi_temp_path /tmp/uwsgi;
    scgi_temp_path /tmp/scgi;
    client_max_body_size 1m;

    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_next_upstream error timeout;

    {{- range list "authorize" "token" "introspection" }}

    upstream {{ . }} {
        server {{ $full }}-{{ . }}:8080;
        keepalive 16;
    }
    {{- end }}

    server {
        listen 8080;

        location = /front-door/healthz {
            return 204;
        }
        {{- range include "valetkey.routes" . | fromYamlArray }}
        {{- if eq .path "/" }}
        location / {
            proxy_pass http://{{ .service }};
        }
        {{- else }}
        location = {{ .path }} {
            proxy_pass http://{{ .service }};
        }
        location {{ .path }}/ {
            proxy_pass http://{{ .service }};
        }
        {{- end }}
        {{- end }}
    }
}
{{- end -}}
