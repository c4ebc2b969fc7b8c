{{/*
What is known of each service, whatever the values: `needs` is what it connects to beside Postgres, Redis and
the cluster's resolver (keys of networkPolicy), `ports` what it listens on beside the health port.
*/}}
{{- define "ruawatch.catalogue" -}}
poller: { needs: [imap, https], ports: [] }
parser: { needs: [dns], ports: [] }
analyzer: { needs: [], ports: [] }
enricher: { needs: [dns], ports: [] }
watcher: { needs: [dns, https], ports: [] }
approver: { needs: [dns], ports: [] }
applier: { needs: [dns, https], ports: [] }
alerter: { needs: [smtp, https], ports: [] }
console: { needs: [dns, https], ports: [{ name: console, port: 9808, protocol: TCP }] }
collector: { needs: [], ports: [{ name: logs, port: 9810, protocol: TCP }, { name: syslog, port: 6514, protocol: TCP }] }
gateway: { needs: [dns], ports: [{ name: dns-udp, port: 5355, protocol: UDP }, { name: dns-tcp, port: 5355, protocol: TCP }] }
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
{{- if and (eq .name "applier") .root.Values.dkim.secrets }}yes{{ end -}}
{{- end -}}
