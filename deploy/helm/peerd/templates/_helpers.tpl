{{- define "peerd.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains "peerd" .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-peerd" (.Release.Name | trunc 46 | trimSuffix "-") -}}
{{- end -}}
{{- end }}

{{- define "peerd.selector" -}}
app.kubernetes.io/name: peerd
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "peerd.labels" -}}
{{ include "peerd.selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "peerd.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "peerd.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end }}

{{- define "peerd.lease" -}}
{{- .Values.leaderElection.lease | default (include "peerd.fullname" .) -}}
{{- end }}

{{- define "peerd.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{- printf "%s@%s" .repository .digest -}}
{{- else -}}
{{- printf "%s:%s" .repository .tag -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* The transport of the repository, as peerd reads its address: https, http, ssh; empty where there is none. */}}
{{- define "peerd.transport" -}}
{{- $url := .Values.spec.repo.url -}}
{{- if contains "://" $url -}}
{{- (urlParse $url).scheme -}}
{{- else if $url -}}
ssh
{{- end -}}
{{- end }}

{{- define "peerd.gitPort" -}}
{{- $url := .Values.spec.repo.url -}}
{{- $host := "" -}}
{{- if contains "://" $url -}}{{- $host = (urlParse $url).host -}}{{- end -}}
{{- if regexMatch ":[0-9]+$" $host -}}
{{- regexFind "[0-9]+$" $host -}}
{{- else if eq (include "peerd.transport" .) "ssh" -}}
22
{{- else -}}
443
{{- end -}}
{{- end }}
