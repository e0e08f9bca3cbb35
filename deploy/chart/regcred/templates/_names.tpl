{{/* What the objects are called: `regcred`, or `regcred-INSTANCE`. */}}
{{- define "regcred.name" -}}
{{- $instance := .Values.config.instance | default "default" -}}
{{- $name := eq $instance "default" | ternary "regcred" (printf "regcred-%s" $instance) -}}
{{- if gt (len $name) 52 -}}
{{- fail (printf "config.instance: %s has more than 44 characters: `regcred manifests` shortens names, and a chart cannot" $instance) -}}
{{- end -}}
{{- $name -}}
{{- end -}}

{{/* By which its pods are found. */}}
{{- define "regcred.selector" -}}
app.kubernetes.io/name: regcred
app.kubernetes.io/instance: {{ include "regcred.name" . }}
{{- end -}}

{{- define "regcred.labels" -}}
{{ include "regcred.selector" . }}
app.kubernetes.io/part-of: regcred
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
regcred.dev/instance: {{ .Values.config.instance | default "default" | quote }}
{{- end -}}

{{/*
The name of an object outside its own namespace: the context, and what the name ends in. Two installations of one instance in two
namespaces must not share it.
*/}}
{{- define "regcred.wide" -}}
{{- $namespace := (index . 0).Release.Namespace -}}
{{ include "regcred.name" (index . 0) }}{{ index . 1 }}{{ eq $namespace "regcred" | ternary "" (printf ".%s" $namespace) }}
{{- end -}}

{{/* Metadata of such an object. Helm's own labels are here alone, and labels come last. */}}
{{- define "regcred.metadata" -}}
name: {{ include "regcred.wide" . }}
{{ include "regcred.metadata.labels" (index . 0) }}
{{- end -}}

{{- define "regcred.metadata.labels" -}}
{{- $root := . -}}
labels:
  {{- include "regcred.labels" $root | nindent 2 }}
  helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" | quote }}
  app.kubernetes.io/managed-by: {{ $root.Release.Service }}
{{- end -}}

{{/* The same of an object in regcred's own namespace. */}}
{{- define "regcred.metadata.own" -}}
namespace: {{ (index . 0).Release.Namespace | quote }}
name: {{ include "regcred.name" (index . 0) }}{{ index . 1 }}
{{ include "regcred.metadata.labels" (index . 0) }}
{{- end -}}

{{/* The ServiceAccount that it runs as. */}}
{{- define "regcred.account" -}}
{{ .Values.serviceAccount.name | default (include "regcred.name" .) }}
{{- end -}}

{{/* Its ServiceAccount, as a binding names it. */}}
{{- define "regcred.subjects" -}}
- kind: ServiceAccount
  name: {{ include "regcred.account" . }}
  namespace: {{ .Release.Namespace | quote }}
{{- end -}}
