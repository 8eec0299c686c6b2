{{/* Where a webhook is called; takes a dict of root, url and path. */}}
{{- define "gatewright.clientConfig" -}}
{{- if .url }}
url: {{ printf "https://%s%s" (trimPrefix "https://" .url | trimSuffix "/") .path }}
{{- else }}
service:
  name: gatekeeper-webhook-service
  namespace: {{ .root.Release.Namespace }}
  path: {{ .path }}
  port: 443
{{- end }}
{{- end -}}

{{/* Namespaces whose requests are sent; takes a dict of root and exempt. The Namespace
object itself is judged by its own labels, so it is left out with what is in it. */}}
{{- define "gatewright.namespaceSelector" -}}
matchExpressions:
  - key: admission.gatekeeper.sh/ignore
    operator: DoesNotExist
  - key: kubernetes.io/metadata.name
    operator: NotIn
    values: {{ prepend .root.Values.neverSent.namespaces .root.Release.Namespace | uniq | toJson }}
  {{- range $key, $values := .exempt }}
  - key: {{ $key }}
    operator: NotIn
    values: {{ toJson $values }}
  {{- end }}
{{- end -}}

{{/* Conditions under which a request is sent; takes a dict of root and more. They are
evaluated by the API server, before anything is called. Without the first, an
installation that fails closed could be neither started nor upgraded nor rolled back
while none of its pods is ready. */}}
{{- define "gatewright.matchConditions" -}}
{{- $conditions := list (dict "name" "not-what-this-is-made-of" "expression" "!(request.resource.resource == 'customresourcedefinitions' && request.name.endsWith('.gatekeeper.sh')) && !(request.resource.group == 'rbac.authorization.k8s.io' && request.name in ['gatewright-manager-role', 'gatewright-manager-rolebinding'])") }}
{{- with .root.Values.neverSent.apiGroups }}
{{- $conditions = append $conditions (dict "name" "never-sent-groups" "expression" (printf "!(request.resource.group in %s)" (toJson .))) }}
{{- end }}
{{- with .root.Values.neverSent.resources }}
{{- $conditions = append $conditions (dict "name" "never-sent-resources" "expression" (printf "!((request.resource.group + '/' + request.resource.resource) in %s)" (toJson .))) }}
{{- end }}
{{- with concat $conditions .more }}
matchConditions: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Conditions that the controller sets to what policies need. As they are rendered they
keep nothing back, so an upgrade widens what is sent until the controller has looked. */}}
{{- define "gatewright.keptConditions" -}}
{{- $conditions := list }}
{{- if .Values.narrowWebhookRules }}
{{- $conditions = append $conditions (dict "name" "what-policies-match" "expression" "true") }}
{{- end }}
{{- if eq .Values.availability "hybrid" }}
{{- $conditions = append $conditions (dict "name" "not-what-fails-closed" "expression" "true") }}
{{- end }}
{{- toYaml $conditions }}
{{- end -}}

{{/* The same of the mutating webhook, for which nothing fails closed by its kind. */}}
{{- define "gatewright.keptMutatingConditions" -}}
{{- $conditions := list }}
{{- if .Values.narrowWebhookRules }}
{{- $conditions = append $conditions (dict "name" "what-policies-match" "expression" "true") }}
{{- end }}
{{- toYaml $conditions }}
{{- end -}}

{{/* Whether the controller keeps webhook rules: `true` or nothing. */}}
{{- define "gatewright.keepsRules" -}}
{{- if and (or .Values.narrowWebhookRules (eq .Values.availability "hybrid")) (not .Values.disableValidatingWebhook) }}true{{ end -}}
{{- end -}}

{{/* What is sent; takes a dict of custom, operations, resources and scope. */}}
{{- define "gatewright.rules" -}}
{{- if .custom.rules -}}
{{ toYaml .custom.rules }}
{{- else -}}
- apiGroups: ["*"]
  apiVersions: ["*"]
  operations: {{ toJson .operations }}
  resources: {{- prepend .resources "*" | toYaml | nindent 4 }}
  scope: {{ .scope | quote }}
{{- end }}
{{- end -}}

{{/* Ignore or Fail: what a value says, else what `availability` means. */}}
{{- define "gatewright.failurePolicy" -}}
{{ .own | default (ternary "Fail" "Ignore" (eq .root.Values.availability "closed")) }}
{{- end -}}

{{/* Where cert-manager writes the authority by itself. */}}
{{- define "gatewright.webhookAnnotations" -}}
{{- $annotations := deepCopy .own }}
{{- if .root.Values.certManager.enabled }}
{{- $_ := set $annotations "cert-manager.io/inject-ca-from" (printf "%s/gatekeeper-webhook-server-cert" .root.Release.Namespace) }}
{{- end }}
{{- with $annotations }}
annotations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
