{{/* ruawatch.yaml of one service: what names secrets is left out where the service does not use it. */}}
{{- define "ruawatch.settings" -}}
{{- $settings := deepCopy .root.Values.settings -}}
{{- $only := dict "mailboxes" (list "poller") "webhooks" (list "alerter") "dns" (list "applier" "gateway") -}}
{{- range $section, $users := $only -}}
{{- if not (has $.name $users) }}{{- $_ := unset $settings $section }}{{ end -}}
{{- end -}}
{{- if and $settings.console (ne .name "console") -}}
{{- $_ := set $settings "console" (omit $settings.console "oidc" "tls_cert_file" "tls_key_file") -}}
{{- end -}}
{{- with .root.Values.console -}}
{{- $console := default dict $settings.console -}}
{{- if .url }}{{- $console = merge (dict "url" .url) $console }}{{ end -}}
{{- if and .proxies (eq $.name "console") }}{{- $console = merge (dict "proxies" .proxies) $console }}{{ end -}}
{{- if $console }}{{- $_ := set $settings "console" $console }}{{ end -}}
{{- end -}}
{{- if .root.Values.mailGuard }}{{- $_ := set $settings "guard" (dict "file" "/etc/ruawatch/mail-guard.yaml") }}{{ end -}}
{{- if eq .name "gateway" -}}
{{- $gateway := dict "listen" (printf "%s:5355" .root.Values.listen) "key_file" "/run/ruawatch/gateway/gateway_key" -}}
{{- $_ := set $settings "gateway" (merge $gateway (default dict $settings.gateway)) -}}
{{- end -}}
{{- /* Others know by it that somebody reads the pods of signers. */ -}}
{{- if .root.Values.services.cluster.enabled -}}
{{- if not (or .root.Values.mailGuard $settings.guard) }}{{ fail "mailGuard is empty, and the cluster's service needs it: it says by which ways the mail of which domain leaves" }}{{ end -}}
{{- $_ := set $settings "cluster" (merge (dict "in_cluster" true) (default dict $settings.cluster)) -}}
{{- end -}}
{{- /* The parser deletes old lines, and all services check each setting: so all get the same. */ -}}
{{- if .root.Values.services.collector.enabled -}}
{{- $listen := .root.Values.listen -}}
{{- $collector := dict "listen" (printf "%s:9810" $listen) "syslog" (dict "listen" (printf "%s:6514" $listen)) -}}
{{- if .root.Values.collector.tlsSecret -}}
{{- $_ := set $collector "syslog" (dict "tls_listen" (printf "%s:6514" $listen)) -}}
{{- $_ := set $collector "tls_cert_file" "/run/ruawatch/collector-tls/tls.crt" -}}
{{- $_ := set $collector "tls_key_file" "/run/ruawatch/collector-tls/tls.key" -}}
{{- end -}}
{{- $_ := set $settings "collector" (merge $collector (default dict $settings.collector)) -}}
{{- end -}}
{{- if .root.Values.services.milter.enabled -}}
{{- if not (default dict $settings.milter).authserv_id }}{{ fail "settings.milter.authserv_id is not set: name your mail server, such as mx.example.com" }}{{ end -}}
{{- $_ := set $settings "milter" (merge (dict "listen" (printf "%s:8893" .root.Values.listen)) (default dict $settings.milter)) -}}
{{- end -}}
{{- mergeOverwrite $settings (deepCopy (default dict .service.settings)) | toYaml -}}
{{- end -}}

{{/* Environment of a service: secrets as files, never as values. */}}
{{- define "ruawatch.env" -}}
{{- $v := .root.Values -}}
- { name: DATABASE_URL_FILE, value: /run/ruawatch/database/url }
{{- if $v.database.queueKey }}
- { name: QUEUE_DATABASE_URL_FILE, value: /run/ruawatch/database/queue_url }
{{- end }}
{{- if $v.redis.existingSecret }}
- { name: REDIS_URL_FILE, value: /run/ruawatch/redis/redis_url }
{{- else if $v.redis.url }}
- { name: REDIS_URL, value: {{ $v.redis.url | quote }} }
{{- end }}
{{- if and (eq .name "poller") $v.mailbox.existingSecret }}
- { name: IMAP_URL_FILE, value: /run/ruawatch/mailbox/imap_url }
{{- end }}
{{- if and (eq .name "alerter") $v.smtp.existingSecret }}
- { name: SMTP_URL_FILE, value: /run/ruawatch/smtp/smtp_url }
- { name: ALERT_FROM, value: {{ required "smtp.from is not set: set the address that alerts are sent from" $v.smtp.from | quote }} }
{{- if $v.smtp.to }}
- { name: ALERT_TO, value: {{ $v.smtp.to | quote }} }
{{- else if not (default dict $v.settings.alerts).domains }}
{{- fail "smtp.to is not set: set the addresses that alerts are sent to, or settings.alerts.domains" }}
{{- end }}
{{- end }}
{{- if eq .name "console" }}
- { name: CONSOLE_LISTEN, value: {{ printf "%s:9808" $v.listen | quote }} }
{{- end }}
{{- if ne .name "migrate" }}
- { name: RUAWATCH_CONFIG, value: /etc/ruawatch/ruawatch.yaml }
- { name: HTTP_LISTEN, value: {{ printf "%s:9807" $v.listen | quote }} }
{{- end }}
- { name: LOG_LEVEL, value: {{ $v.logLevel }} }
{{- with .service.env }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Volumes of a pod: of the database's Secret it gets its own key alone. */}}
{{- define "ruawatch.volumes" -}}
{{- $v := .root.Values -}}
- name: tmp
  emptyDir: { sizeLimit: {{ default $v.defaults.tmp .service.tmp }} }
{{- if ne .name "migrate" }}
- name: settings
  configMap: { name: {{ include "ruawatch.fullname" .root }}-{{ .name }} }
{{- end }}
- name: database
  secret:
    secretName: {{ .databaseSecret | quote }}
    defaultMode: 0440
    items:
      - { key: {{ .databaseKey | quote }}, path: url }
      {{- with $v.database.queueKey }}
      - { key: {{ . | quote }}, path: queue_url }
      {{- end }}
{{- with $v.database.caSecret }}
- name: database-ca
  secret: { secretName: {{ . | quote }}, defaultMode: 0440, items: [{ key: ca.crt, path: ca.crt }] }
{{- end }}
{{- with $v.redis }}
{{- if .existingSecret }}
- name: redis
  secret: { secretName: {{ .existingSecret | quote }}, defaultMode: 0440, items: [{ key: {{ .key | quote }}, path: redis_url }] }
{{- end }}
{{- end }}
{{- with $v.mailbox }}
{{- if and (eq $.name "poller") .existingSecret }}
- name: mailbox
  secret: { secretName: {{ .existingSecret | quote }}, defaultMode: 0440, items: [{ key: {{ .key | quote }}, path: imap_url }] }
{{- end }}
{{- end }}
{{- with $v.smtp }}
{{- if and (eq $.name "alerter") .existingSecret }}
- name: smtp
  secret: { secretName: {{ .existingSecret | quote }}, defaultMode: 0440, items: [{ key: {{ .key | quote }}, path: smtp_url }] }
{{- end }}
{{- end }}
{{- if eq .name "gateway" }}
- name: gateway
  secret:
    secretName: {{ required "gateway.existingSecret is not set: name a Secret with 32 random characters or more" $v.gateway.existingSecret | quote }}
    defaultMode: 0440
    items: [{ key: {{ $v.gateway.key | quote }}, path: gateway_key }]
{{- end }}
{{- with $v.collector.tlsSecret }}
{{- if eq $.name "collector" }}
- name: collector-tls
  secret: { secretName: {{ . | quote }}, defaultMode: 0440 }
{{- end }}
{{- end }}
{{- range .service.secrets }}
- name: secret-{{ .name | replace "." "-" | trunc 50 | trimSuffix "-" }}
  secret: { secretName: {{ .name | quote }}, defaultMode: 0440 }
{{- end }}
{{- range .service.configMaps }}
- name: config-{{ .name | replace "." "-" | trunc 50 | trimSuffix "-" }}
  configMap: { name: {{ .name | quote }} }
{{- end }}
{{- end -}}

{{- define "ruawatch.mounts" -}}
{{- $v := .root.Values -}}
- { name: tmp, mountPath: /tmp }
{{- if ne .name "migrate" }}
- { name: settings, mountPath: /etc/ruawatch, readOnly: true }
{{- end }}
- { name: database, mountPath: /run/ruawatch/database, readOnly: true }
{{- if $v.database.caSecret }}
- { name: database-ca, mountPath: /run/ruawatch/database-ca, readOnly: true }
{{- end }}
{{- if $v.redis.existingSecret }}
- { name: redis, mountPath: /run/ruawatch/redis, readOnly: true }
{{- end }}
{{- if and (eq .name "poller") $v.mailbox.existingSecret }}
- { name: mailbox, mountPath: /run/ruawatch/mailbox, readOnly: true }
{{- end }}
{{- if and (eq .name "alerter") $v.smtp.existingSecret }}
- { name: smtp, mountPath: /run/ruawatch/smtp, readOnly: true }
{{- end }}
{{- if eq .name "gateway" }}
- { name: gateway, mountPath: /run/ruawatch/gateway, readOnly: true }
{{- end }}
{{- if and (eq .name "collector") $v.collector.tlsSecret }}
- { name: collector-tls, mountPath: /run/ruawatch/collector-tls, readOnly: true }
{{- end }}
{{- range .service.secrets }}
- { name: secret-{{ .name | replace "." "-" | trunc 50 | trimSuffix "-" }}, mountPath: {{ default (printf "/run/secrets/%s" .name) .mountPath }}, readOnly: true }
{{- end }}
{{- range .service.configMaps }}
- { name: config-{{ .name | replace "." "-" | trunc 50 | trimSuffix "-" }}, mountPath: {{ .mountPath }}, readOnly: true }
{{- end }}
{{- end -}}

{{- define "ruawatch.confined" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end -}}
