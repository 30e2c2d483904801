{{/* What the schema cannot say in words that help: values which are right alone and wrong together. */}}
{{- define "peerd.checks" -}}
{{- $spec := .Values.spec -}}
{{- $said := compact (list $spec.repo.url $spec.configMap (ternary "files" "" (gt (len $spec.files) 0))) -}}
{{- if ne (len $said) 1 -}}
{{- fail "say where the spec is: exactly one of spec.repo.url, spec.files and spec.configMap" -}}
{{- end -}}
{{- if not (or .Values.image.tag .Values.image.digest) -}}
{{- fail "say which image: image.tag or image.digest" -}}
{{- end -}}
{{- if or .Values.env.AWS_SECRET_ACCESS_KEY .Values.env.AWS_SESSION_TOKEN -}}
{{- fail "env is no place for credentials of AWS: use aws.roleArn or aws.podIdentity" -}}
{{- end -}}
{{- include "peerd.checkGit" . -}}
{{- include "peerd.checkWriters" . -}}
{{- include "peerd.checkMonitoring" . -}}
{{- end }}

{{- define "peerd.checkGit" -}}
{{- $transport := include "peerd.transport" . -}}
{{- if regexMatch "^[a-z]+://([^/]*:[^/]*@|.*[?])" .Values.spec.repo.url -}}
{{- fail "spec.repo.url must hold neither a password nor a query: a token belongs into the Secret of git.token" -}}
{{- end -}}
{{- with .Values.git -}}
{{- if and (or .token.secret .ca.configMap) (ne $transport "https") -}}
{{- fail "git.token and git.ca are for a spec.repo.url that begins with https://" -}}
{{- end -}}
{{- if and .ssh.secret (ne $transport "ssh") -}}
{{- fail "git.ssh is for a spec.repo.url that is reached by ssh" -}}
{{- end -}}
{{- if and (eq $transport "ssh") (not .ssh.secret) -}}
{{- fail "spec.repo.url is reached by ssh, which needs git.ssh.secret, with a private key and known hosts" -}}
{{- end -}}
{{- end -}}
{{- $verify := .Values.verify -}}
{{- if ne (eq $verify.mode "none") (empty $verify.configMap) -}}
{{- fail "verify.mode and verify.configMap go together: which signatures, and the keys that may sign" -}}
{{- end -}}
{{- if and (not $transport) (or $verify.configMap .Values.webhook.secret .Values.spec.repo.allowRewind .Values.state.persistentVolumeClaim.enabled) -}}
{{- fail "verify, webhook, spec.repo.allowRewind and state.persistentVolumeClaim are of a repository: say spec.repo.url" -}}
{{- end -}}
{{- end }}

{{- define "peerd.checkWriters" -}}
{{- $elects := .Values.leaderElection.enabled -}}
{{- if and (gt (int .Values.replicas) 1) (not $elects) -}}
{{- fail "replicas: 2 needs leaderElection.enabled: else both would write" -}}
{{- end -}}
{{- if and .Values.leaderElection.lease (not $elects) -}}
{{- fail "leaderElection.lease without leaderElection.enabled" -}}
{{- end -}}
{{- if and .Values.state.persistentVolumeClaim.enabled (gt (int .Values.replicas) 1) -}}
{{- fail "state.persistentVolumeClaim is for a single replica: two would write to it" -}}
{{- end -}}
{{- if .Values.cronJob.enabled -}}
{{- if or $elects .Values.webhook.secret .Values.probes.service.enabled .Values.metrics.webConfig.secret .Values.metrics.serviceMonitor.enabled .Values.metrics.prometheusRule.enabled -}}
{{- fail "cronJob makes single passes, which listen to nobody: leaderElection, webhook, probes.service, and all of metrics are of the daemon" -}}
{{- end -}}
{{- end -}}
{{- if and (not .Values.serviceAccount.create) (or .Values.aws.roleArn .Values.serviceAccount.annotations) -}}
{{- fail "aws.roleArn and serviceAccount.annotations are of a service account that is made here: serviceAccount.create is false" -}}
{{- end -}}
{{- end }}

{{- define "peerd.checkMonitoring" -}}
{{- with .Values.metrics.serviceMonitor -}}
{{- if and (eq .scheme "http") (or .serverName .ca.configMap) -}}
{{- fail "metrics.serviceMonitor.serverName and .ca are for scheme: https" -}}
{{- end -}}
{{- end -}}
{{- end }}
