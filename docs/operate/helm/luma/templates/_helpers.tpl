{{- define "luma.selector" -}}
app.kubernetes.io/name: luma
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "luma.labels" -}}
{{ include "luma.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "luma.claim" -}}
{{ .Values.storage.existingClaim | default .Release.Name }}
{{- end }}
