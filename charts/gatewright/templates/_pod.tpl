{{/* Flags that both deployments take. */}}
{{- define "gatewright.commonArgs" -}}
- --exempt-namespace={{ .Release.Namespace }}
{{- range .Values.controllerManager.exemptNamespaces }}
- --exempt-namespace={{ . }}
{{- end }}
{{- range .Values.controllerManager.exemptNamespacePrefixes }}
- --exempt-namespace-prefix={{ . }}
{{- end }}
{{- range .Values.controllerManager.exemptNamespaceSuffixes }}
- --exempt-namespace-suffix={{ . }}
{{- end }}
{{- range .Values.disabledBuiltins }}
- --disable-opa-builtin={{ . }}
{{- end }}
{{- if .Values.enableWaitingBuiltins }}
- --enable-waiting-builtins
{{- end }}
{{- range .Values.allowNet }}
- --allow-net={{ . }}
{{- end }}
- --log-level={{ .Values.logLevel }}
- --validating-webhook-configuration-name={{ .Values.validatingWebhookName }}
- --mutating-webhook-configuration-name={{ .Values.mutatingWebhookName }}
{{- if .Values.disableEnforcementActionValidation }}
- --disable-enforcementaction-validation
{{- end }}
{{- end -}}

{{/* Environment of both: who and where the pod is. */}}
{{- define "gatewright.env" -}}
- name: POD_NAME
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
- name: POD_NAMESPACE
  valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
- name: POD_IP
  valueFrom: {fieldRef: {fieldPath: status.podIP}}
{{- end -}}

{{/* Probes: alive is "the process answers", ready is "it would judge rightly". */}}
{{- define "gatewright.probes" -}}
startupProbe:
  httpGet: {path: /healthz, port: healthz}
  periodSeconds: 1
  failureThreshold: 60
livenessProbe:
  httpGet: {path: /healthz, port: healthz}
  timeoutSeconds: {{ .livenessTimeout }}
  periodSeconds: 10
  failureThreshold: 3
readinessProbe:
  httpGet: {path: /readyz, port: healthz}
  timeoutSeconds: {{ .readinessTimeout }}
  periodSeconds: 2
  failureThreshold: 2
{{- end -}}

{{/* How a pod is placed and run; takes a dict of root, part and selector's name. */}}
{{- define "gatewright.podSpec" -}}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
serviceAccountName: {{ .root.Values.serviceAccount.name }}
automountServiceAccountToken: true
enableServiceLinks: false
terminationGracePeriodSeconds: {{ .part.terminationGracePeriodSeconds }}
hostNetwork: {{ .part.hostNetwork }}
dnsPolicy: {{ .part.dnsPolicy }}
{{- with .part.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
securityContext: {{- toYaml .root.Values.podSecurityContext | nindent 2 }}
{{- with .part.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .part.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .part.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .part.topologySpreadConstraints }}
topologySpreadConstraints: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
