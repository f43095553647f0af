{{- /* The file of the proxy: what `config` says, and what this chart decides. */ -}}
{{- define "upload-proxy.config" -}}
{{- $set := dict
      "listen" (printf "0.0.0.0:%v" .Values.ports.http)
      "admin" (dict "listen" (printf "0.0.0.0:%v" .Values.ports.admin))
      "spool" (dict "directory" "/var/spool/upload-proxy") -}}
{{- mergeOverwrite (deepCopy .Values.config) $set | toYaml -}}
{{- end -}}

{{- /* One of initContainers: a native sidecar, up before the application, gone after. */ -}}
{{- define "upload-proxy.sidecar" -}}
- name: upload-proxy
  {{- with .Values.image }}
  {{- if .digest }}
  image: {{ printf "%s@%s" .repository .digest | quote }}
  {{- else }}
  image: {{ printf "%s:%s" .repository (default $.Chart.AppVersion .tag) | quote }}
  {{- end }}
  imagePullPolicy: {{ .pullPolicy }}
  {{- end }}
  restartPolicy: Always
  ports:
    - {name: uploads, containerPort: {{ .Values.ports.http }}}
    - {name: uploads-admin, containerPort: {{ .Values.ports.admin }}}
  {{- with .Values.env }}
  env:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.envFrom }}
  envFrom:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  # Never the origin: the application is started only after this has passed.
  startupProbe:
    httpGet: {path: /livez, port: uploads-admin}
    periodSeconds: 1
    failureThreshold: 60
  livenessProbe:
    httpGet: {path: /livez, port: uploads-admin}
    periodSeconds: 10
  readinessProbe:
    httpGet: {path: /readyz, port: uploads-admin}
    periodSeconds: 5
  lifecycle:
    preStop:
      exec:
        command: [upload-proxy, drain, --admin, "127.0.0.1:{{ .Values.ports.admin }}", --wait, {{ .Values.drainSeconds }}s]
  securityContext:
    runAsNonRoot: true
    runAsUser: 10001
    runAsGroup: 10001
    allowPrivilegeEscalation: false
    readOnlyRootFilesystem: true
    capabilities: {drop: [ALL]}
  {{- with .Values.resources }}
  resources:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  volumeMounts:
    - {name: upload-proxy-config, mountPath: /etc/upload-proxy, readOnly: true}
    - {name: {{ default "spool" .Values.spool.volumeName }}, mountPath: /var/spool/upload-proxy}
{{- end -}}

{{- /* Its volumes but the spool, which has to outlive the pod: a claim of the pod's. */ -}}
{{- define "upload-proxy.volumes" -}}
- name: upload-proxy-config
  configMap: {name: {{ include "upload-proxy.fullname" . }}}
{{- end -}}

{{- /* For the pod: a changed configuration makes new pods. */ -}}
{{- define "upload-proxy.podAnnotations" -}}
checksum/upload-proxy-config: {{ include "upload-proxy.config" . | sha256sum }}
{{- end -}}
