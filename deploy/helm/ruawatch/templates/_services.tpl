{{/*
What is known of each service, whatever the values: `needs` is what it connects to beside Postgres, Redis and
the cluster's resolver (keys of networkPolicy), `ports` what it listens on beside the health port, `entry` the
Service that leads there and the ports of that.
*/}}
{{- define "ruawatch.catalogue" -}}
poller: { needs: [imap, https] }
parser: { needs: [dns] }
analyzer: { needs: [] }
enricher: { needs: [dns] }
watcher: { needs: [dns, https] }
approver: { needs: [dns] }
applier: { needs: [dns, https] }
alerter: { needs: [smtp, https] }
console:
  needs: [dns, https]
  entry: web
  ports: [{ name: console, port: 9808, protocol: TCP, outside: 80 }]
gateway:
  needs: [dns]
  entry: updates
  ports:
    - { name: dns-udp, port: 5355, protocol: UDP, outside: {{ .Values.gateway.service.port }} }
    - { name: dns-tcp, port: 5355, protocol: TCP, outside: {{ .Values.gateway.service.port }} }
cluster: { needs: [dns] }
collector:
  needs: []
  entry: logs
  ports:
    - { name: logs, port: 9810, protocol: TCP, outside: {{ ternary 443 80 (ne .Values.collector.tlsSecret "") }} }
    - { name: syslog, port: 6514, protocol: TCP, outside: 6514 }
milter:
  needs: [dns, smtp]
  entry: mail
  ports: [{ name: milter, port: 8893, protocol: TCP, outside: 8893 }]
{{- end -}}

{{/* Whether a service has what it cannot start without. */}}
{{- define "ruawatch.can-start" -}}
{{- $own := default dict .service.settings -}}
{{- $all := .root.Values.settings -}}
{{- if eq .name "poller" -}}
{{- if or .root.Values.mailbox.existingSecret $all.mailboxes $own.mailboxes }}yes{{ end -}}
{{- else if eq .name "alerter" -}}
{{- if or .root.Values.smtp.existingSecret $all.webhooks $own.webhooks }}yes{{ end -}}
{{- else -}}
yes
{{- end -}}
{{- end -}}

{{/* The services that are installed, by name, each with its values over the defaults. As JSON. */}}
{{- define "ruawatch.services" -}}
{{- $catalogue := include "ruawatch.catalogue" . | fromYaml -}}
{{- $found := dict -}}
{{- range $name, $service := .Values.services -}}
{{- if and $service.enabled (include "ruawatch.can-start" (dict "root" $ "name" $name "service" $service)) -}}
{{- $merged := mergeOverwrite (deepCopy $.Values.defaults) (deepCopy $service) -}}
{{- $_ := set $found $name (merge $merged (get $catalogue $name)) -}}
{{- end -}}
{{- end -}}
{{- $found | toJson -}}
{{- end -}}

{{/* Whether a service may have more than one pod. */}}
{{- define "ruawatch.several" -}}
{{- if or (gt (int .service.replicas) 1) (and (eq .name "parser") (ne .root.Values.autoscaling.mode "off")) }}yes{{ end -}}
{{- end -}}

{{/* Whether a service talks to the API server. */}}
{{- define "ruawatch.has-token" -}}
{{- if or (eq .name "cluster") (and (eq .name "applier") (ne (include "ruawatch.keys" .root) "{}")) }}yes{{ end -}}
{{- end -}}
