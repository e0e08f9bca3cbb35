{{/*
The spec of a pod, but for what its owner says of it: `context`, and `more` of its container.
Its parts stand in one order: identity, proxy, authorities.
*/}}
{{- define "regcred.pod" -}}
{{- $root := .context -}}
{{- $values := $root.Values -}}
{{- $name := include "regcred.name" $root -}}
{{- $projected := eq $values.identity.type "projected" -}}
{{- $tokens := $projected | ternary (merge (dict "token" $values.identity.audience) $values.generated.tokens) $values.generated.tokens -}}
{{- $keys := eq $values.identity.type "keys" -}}
{{- $ca := $values.trustedCa.openshift | ternary (printf "%s-trusted-ca" $name) $values.trustedCa.configMap -}}
serviceAccountName: {{ include "regcred.account" $root }}
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  seccompProfile:
    type: RuntimeDefault
containers:
  - name: regcred
    image: {{ include "regcred.image" $root | quote }}
    {{- with $values.image.pullPolicy }}
    imagePullPolicy: {{ . }}
    {{- end }}
    args:
      {{- toYaml $values.generated.workload.args | nindent 6 }}
    {{- if or $projected $keys $values.proxy.https $ca $values.extraEnv }}
    env:
      {{- if $projected }}
      - name: AWS_ROLE_ARN
        value: {{ $values.identity.roleArn | quote }}
      - name: AWS_WEB_IDENTITY_TOKEN_FILE
        value: /var/run/secrets/regcred/token
      {{- end }}
      {{- if $keys }}
      - name: AWS_SHARED_CREDENTIALS_FILE
        value: /var/run/secrets/aws/credentials
      {{- end }}
      {{- with $values.proxy.https }}
      {{- /* Neither the cluster nor where pods get their credentials is behind it. */}}
      {{- $no := "kubernetes.default.svc,.svc,.cluster.local,$(KUBERNETES_SERVICE_HOST),169.254.170.2,169.254.170.23" }}
      - name: HTTPS_PROXY
        value: {{ quote . }}
      - name: NO_PROXY
        value: {{ concat (splitList "," (nospace $values.proxy.noProxy)) (list $no) | compact | join "," | quote }}
      {{- end }}
      {{- if $ca }}
      - name: SSL_CERT_FILE
        value: /etc/pki/regcred/ca-bundle.crt
      {{- end }}
      {{- with $values.extraEnv }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
    {{- end }}
    {{- with .more }}
    {{- nindent 4 . }}
    {{- end }}
    resources: {{ $values.resources | default dict | toJson }}
    securityContext:
      allowPrivilegeEscalation: false
      capabilities:
        drop: [ALL]
      readOnlyRootFilesystem: true
    volumeMounts:
      - name: config
        mountPath: /etc/regcred
        readOnly: true
      {{- if $keys }}
      - name: aws
        mountPath: /var/run/secrets/aws
        readOnly: true
      {{- end }}
      {{- if $tokens }}
      - name: token
        mountPath: /var/run/secrets/regcred
        readOnly: true
      {{- end }}
      {{- range $number, $mount := $values.mounts }}
      - name: mount-{{ $number }}
        mountPath: {{ $mount.folder | quote }}
        readOnly: true
      {{- end }}
      {{- if $ca }}
      - name: ca
        mountPath: /etc/pki/regcred
        readOnly: true
      {{- end }}
volumes:
  - name: config
    configMap:
      name: {{ $name }}-config
  {{- if $keys }}
  - name: aws
    secret:
      secretName: {{ $values.identity.secretName | quote }}
      items:
        - key: credentials
          path: credentials
  {{- end }}
  {{- if $tokens }}
  - name: token
    projected:
      sources:
        {{- range $path, $audience := $tokens }}
        - serviceAccountToken:
            audience: {{ $audience | quote }}
            expirationSeconds: 3600
            path: {{ $path | quote }}
        {{- end }}
  {{- end }}
  {{- range $number, $mount := $values.mounts }}
  - name: mount-{{ $number }}
    secret:
      secretName: {{ $mount.secret | quote }}
  {{- end }}
  {{- if $ca }}
  - name: ca
    configMap:
      name: {{ $ca | quote }}
      items:
        - key: ca-bundle.crt
          path: ca-bundle.crt
  {{- end }}
{{- range $key := list "imagePullSecrets" "nodeSelector" "tolerations" "affinity" "priorityClassName" }}
{{- with get $values $key }}
{{ $key }}: {{ toJson . }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Metadata of the pod: the chart's own labels win. */}}
{{- define "regcred.pod.metadata" -}}
labels: {{ merge (include "regcred.labels" . | fromYaml) .Values.podLabels | toJson }}
{{- with .Values.podAnnotations }}
annotations: {{ toJson . }}
{{- end }}
{{- end -}}

{{- define "regcred.image" -}}
{{- $image := .Values.image -}}
{{- $tag := $image.tag | default (empty $image.digest | ternary .Chart.AppVersion "") -}}
{{ $image.repository }}{{ with $tag }}:{{ . }}{{ end }}{{ with $image.digest }}@{{ . }}{{ end }}
{{- end -}}

{{/* The spec of a Job that runs one pass. */}}
{{- define "regcred.job" -}}
activeDeadlineSeconds: {{ .Values.generated.workload.activeDeadlineSeconds }}
backoffLimit: 2
# A retry cannot help: this exit code needs an action by a person.
podFailurePolicy:
  rules:
    - action: FailJob
      onExitCodes:
        containerName: regcred
        operator: In
        values: [2]
template:
  metadata:
    {{- include "regcred.pod.metadata" . | nindent 4 }}
  spec:
    restartPolicy: Never
    {{- include "regcred.pod" (dict "context" .) | nindent 4 }}
{{- end -}}
