{{/*
The keys of settings.dkim that lie in the cluster, as JSON: for each namespace the names of Secrets and ConfigMaps, and
whether pods of the signer say which keys they have.
*/}}
{{- define "ruawatch.keys" -}}
{{- $found := dict -}}
{{- $own := default dict (default dict .Values.services.applier).settings -}}
{{- range default .Values.settings.dkim $own.dkim -}}
{{- if eq (toString .layout) "kubernetes" -}}
{{- with required "settings.dkim has the layout kubernetes: set kubernetes (docs/cluster.md)" .kubernetes -}}
{{- $place := default (dict "secrets" list "configMaps" list "pods" false) (get $found .namespace) -}}
{{- $_ := set $place "secrets" (append $place.secrets .secret | uniq) -}}
{{- $_ := set $place "configMaps" (append $place.configMaps .config_map | uniq) -}}
{{- if .pods }}{{- $_ := set $place "pods" true }}{{ end -}}
{{- $_ := set $found .namespace $place -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $found | toJson -}}
{{- end -}}

{{/* Gives the account of a service the Role that is named after both. */}}
{{- define "ruawatch.binding" -}}
---
{{- $name := printf "%s-%s-%s" .root.Release.Namespace (include "ruawatch.fullname" .root) .service }}
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: {{ $name }}
  namespace: {{ .namespace | quote }}
  labels:
    {{- include "ruawatch.labels" .root | nindent 4 }}
    app.kubernetes.io/component: {{ .service }}
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: {{ $name }} }
subjects:
  - kind: ServiceAccount
    name: {{ include "ruawatch.fullname" .root }}-{{ .service }}
    namespace: {{ .root.Release.Namespace }}
{{- end -}}
