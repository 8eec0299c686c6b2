{{/* Labels of every object. */}}
{{- define "gatewright.labels" -}}
app.kubernetes.io/name: gatewright
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
gatekeeper.sh/system: "yes"
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* What selects the pods of admission; never changed, since a Deployment's selector can't be. */}}
{{- define "gatewright.webhookSelector" -}}
app.kubernetes.io/name: gatewright
app.kubernetes.io/instance: {{ .Release.Name }}
control-plane: controller-manager
gatekeeper.sh/operation: webhook
gatekeeper.sh/system: "yes"
{{- end -}}

{{- define "gatewright.auditSelector" -}}
app.kubernetes.io/name: gatewright
app.kubernetes.io/instance: {{ .Release.Name }}
control-plane: audit-controller
gatekeeper.sh/operation: audit
gatekeeper.sh/system: "yes"
{{- end -}}

{{- define "gatewright.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.release | default .Chart.AppVersion }}
{{- end -}}

{{/* Flags of the chart render to `true` only where the certificate is ours to rotate. */}}
{{- define "gatewright.rotates" -}}
{{- if not (or .Values.controllerManager.disableCertRotation .Values.certManager.enabled) }}true{{ end -}}
{{- end -}}
