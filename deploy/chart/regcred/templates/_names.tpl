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

{{/* Metadata of an object: the context, and what its name ends in. Helm's own labels are here alone, and labels come last. */}}
{{- define "regcred.metadata" -}}
{{- $root := index . 0 -}}
name: {{ include "regcred.name" $root }}{{ index . 1 }}
labels:
  {{- include "regcred.labels" $root | nindent 2 }}
  helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" | quote }}
  app.kubernetes.io/managed-by: {{ $root.Release.Service }}
{{- end -}}

{{/* The same of an object in regcred's own namespace. */}}
{{- define "regcred.metadata.own" -}}
namespace: {{ (index . 0).Release.Namespace | quote }}
{{ include "regcred.metadata" . }}
{{- end -}}

{{/* Its ServiceAccount, as a binding names it. */}}
{{- define "regcred.subjects" -}}
- kind: ServiceAccount
  name: {{ include "regcred.name" . }}
  namespace: {{ .Release.Namespace | quote }}
{{- end -}}
