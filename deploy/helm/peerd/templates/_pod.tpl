{{/* The pod of the daemon and of a single pass: they differ in arguments, listeners and in what starts them again. */}}
{{- define "peerd.pod" -}}
metadata:
  labels:
    {{- include "peerd.labels" . | nindent 4 }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with .Values.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "peerd.serviceAccount" . }}
  # Only the election asks Kubernetes for something. The tokens of IRSA and Pod Identity are mounted by EKS, whatever stands here.
  automountServiceAccountToken: {{ .Values.leaderElection.enabled }}
  # Of every Service of the namespace there would be variables, which could be taken for peerd's own: PEERD_…
  enableServiceLinks: false
  # After SIGTERM calls in flight get 10 seconds, and giving the lease back 3: the rest is slack.
  terminationGracePeriodSeconds: 30
  {{- if .Values.cronJob.enabled }}
  restartPolicy: Never
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ . }}
    {{- end }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    fsGroup: 65532
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile: {type: RuntimeDefault}
  containers:
    - name: peerd
      image: {{ include "peerd.image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args:
        {{- include "peerd.args" . | trim | nindent 8 }}
      {{- with .Values.env }}
      env:
        {{- range $name, $value := . }}
        - {name: {{ $name }}, value: {{ $value | quote }}}
        {{- end }}
      {{- end }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: {drop: [ALL]}
      resources:
        {{- toYaml .Values.resources | nindent 8 }}
      {{- if not .Values.cronJob.enabled }}
      ports:
        - {name: metrics, containerPort: 9797}
        - {name: probes, containerPort: 9799}
        {{- if .Values.webhook.secret }}
        - {name: webhook, containerPort: 9798}
        {{- end }}
      livenessProbe:
        httpGet: {path: /healthz, port: probes}
        timeoutSeconds: 5
      # Ready once a pass was made; a first pass may take as long as AWS lets it.
      readinessProbe:
        httpGet: {path: /readyz, port: probes}
        timeoutSeconds: 5
      {{- end }}
      volumeMounts:
        {{- include "peerd.mounts" . | nindent 8 }}
  volumes:
    {{- include "peerd.volumes" . | nindent 4 }}
  {{- if gt (int .Values.replicas) 1 }}
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "peerd.selector" . | nindent 10 }}
  {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{- define "peerd.args" -}}
{{- with .Values }}
{{- if .cronJob.enabled }}
- --once
- --timeout={{ .cronJob.timeout }}
{{- else }}
- --interval={{ .interval }}
- --listen=:9797
- --probe-listen=:9799
{{- end }}
{{- if .spec.repo.url }}
- {{ printf "--repo=%s" .spec.repo.url | quote }}
- {{ printf "--branch=%s" .spec.repo.branch | quote }}
{{- with .spec.repo.path }}
- {{ printf "--path=%s" . | quote }}
{{- end }}
{{- else }}
- --spec=/etc/peerd/spec
{{- end }}
{{- if .spec.repo.allowRewind }}
- --allow-rewind
{{- end }}
{{- if .git.token.secret }}
- --git-token-file=/etc/peerd/git-token/token
{{- end }}
{{- if .git.ssh.secret }}
- --git-ssh-key-file=/etc/peerd/git-ssh/key
- --git-known-hosts-file=/etc/peerd/git-ssh/known_hosts
{{- end }}
{{- if .git.ca.configMap }}
- --git-ca-file=/etc/peerd/git-ca/ca.crt
{{- end }}
{{- if .verify.configMap }}
- --verify={{ .verify.mode }}
- --verify-keys-file=/etc/peerd/verify/keys
{{- end }}
{{- with .owner }}
- {{ printf "--owner=%s" . | quote }}
{{- end }}
{{- if .dryRun }}
- --dry-run
{{- end }}
{{- if .prune }}
- --prune
{{- end }}
- {{ printf "--max-deletes=%v" .maxDeletes | quote }}
- --aws-share={{ .awsShare }}
{{- with .stsRegion }}
- --sts-region={{ . }}
{{- end }}
- --pause-file=/etc/peerd/pause/pause
{{- if .metrics.webConfig.secret }}
- --web.config.file=/etc/peerd/web/web.yml
{{- end }}
{{- if .webhook.secret }}
- --webhook-listen=:9798
- --webhook-secret-file=/etc/peerd/webhook/secret
{{- end }}
- --log.level={{ .log.level }}
- --log.format={{ .log.format }}
{{- end }}
{{- if .Values.leaderElection.enabled }}
- --leader-elect
- --leader-elect-resource-name={{ include "peerd.lease" . }}
{{- end }}
{{- if include "peerd.keepsState" . }}
- --state-file=/var/lib/peerd/state.json
{{- end }}
{{- end }}

{{/* A single pass keeps no state but on a volume that outlives it. */}}
{{- define "peerd.keepsState" -}}
{{- if and .Values.spec.repo.url (or (not .Values.cronJob.enabled) .Values.state.persistentVolumeClaim.enabled) -}}
yes
{{- end -}}
{{- end }}

{{- define "peerd.mounts" -}}
- {name: pause, mountPath: /etc/peerd/pause, readOnly: true}
{{- with .Values }}
{{- if not .spec.repo.url }}
- {name: spec, mountPath: /etc/peerd/spec, readOnly: true}
{{- end }}
{{- if .git.token.secret }}
- {name: git-token, mountPath: /etc/peerd/git-token, readOnly: true}
{{- end }}
{{- if .git.ssh.secret }}
- {name: git-ssh, mountPath: /etc/peerd/git-ssh, readOnly: true}
{{- end }}
{{- if .git.ca.configMap }}
- {name: git-ca, mountPath: /etc/peerd/git-ca, readOnly: true}
{{- end }}
{{- if .verify.configMap }}
- {name: verify, mountPath: /etc/peerd/verify, readOnly: true}
{{- end }}
{{- if .metrics.webConfig.secret }}
- {name: web, mountPath: /etc/peerd/web, readOnly: true}
{{- end }}
{{- if .webhook.secret }}
- {name: webhook, mountPath: /etc/peerd/webhook, readOnly: true}
{{- end }}
{{- end }}
{{- if include "peerd.keepsState" . }}
- {name: state, mountPath: /var/lib/peerd}
{{- end }}
{{- end }}

{{- define "peerd.volumes" -}}
# Nothing, until somebody makes this ConfigMap to pause all writes.
- name: pause
  configMap: {name: {{ include "peerd.fullname" . }}-pause, optional: true}
{{- if not .Values.spec.repo.url }}
- name: spec
  configMap: {name: {{ .Values.spec.configMap | default (printf "%s-spec" (include "peerd.fullname" .)) }}}
{{- end }}
{{- with .Values.git }}
{{- if .token.secret }}
- name: git-token
  secret: {secretName: {{ .token.secret }}, defaultMode: 0440, items: [{key: {{ .token.key }}, path: token}]}
{{- end }}
{{- if .ssh.secret }}
- name: git-ssh
  secret:
    secretName: {{ .ssh.secret }}
    defaultMode: 0440
    items: [{key: {{ .ssh.key }}, path: key}, {key: {{ .ssh.knownHostsKey }}, path: known_hosts}]
{{- end }}
{{- if .ca.configMap }}
- name: git-ca
  configMap: {name: {{ .ca.configMap }}, items: [{key: {{ .ca.key }}, path: ca.crt}]}
{{- end }}
{{- end }}
{{- with .Values.verify }}
{{- if .configMap }}
- name: verify
  configMap: {name: {{ .configMap }}, items: [{key: {{ .key }}, path: keys}]}
{{- end }}
{{- end }}
{{- with .Values.metrics.webConfig.secret }}
- name: web
  secret: {secretName: {{ . }}, defaultMode: 0440}
{{- end }}
{{- with .Values.webhook }}
{{- if .secret }}
- name: webhook
  secret: {secretName: {{ .secret }}, defaultMode: 0440, items: [{key: {{ .key }}, path: secret}]}
{{- end }}
{{- end }}
{{- if include "peerd.keepsState" . }}
- name: state
  {{- if .Values.state.persistentVolumeClaim.enabled }}
  persistentVolumeClaim: {claimName: {{ include "peerd.fullname" . }}-state}
  {{- else }}
  emptyDir: {sizeLimit: 1Mi}
  {{- end }}
{{- end }}
{{- end }}
