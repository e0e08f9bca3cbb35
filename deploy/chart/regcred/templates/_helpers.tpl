{{/* The name and the labels of every object. Names come from `generated`. */}}
{{- define "regcred.name" -}}
{{- if not .Values.generated.names -}}
{{- include "regcred.check" . -}}
{{- end -}}
{{ .Values.generated.names.own }}
{{- end -}}

{{/* The labels that select its pods. */}}
{{- define "regcred.selector" -}}
app.kubernetes.io/name: regcred
app.kubernetes.io/instance: {{ include "regcred.name" . }}
{{- end -}}

{{- define "regcred.labels" -}}
{{ include "regcred.selector" . }}
app.kubernetes.io/part-of: regcred
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
regcred.dev/instance: {{ .Values.generated.instance | quote }}
{{- end -}}

{{/*
Metadata of an object outside regcred's namespace. Arguments: the context and the name. Only this template adds Helm's labels. Labels come
last.
*/}}
{{- define "regcred.metadata" -}}
name: {{ index . 1 }}
{{ include "regcred.metadata.labels" (index . 0) }}
{{- end -}}

{{- define "regcred.metadata.labels" -}}
labels:
  {{- include "regcred.labels" . | nindent 2 }}
  helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | quote }}
  app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{/* Metadata of an object in regcred's namespace. Arguments: the context and the suffix of the name. */}}
{{- define "regcred.metadata.own" -}}
namespace: {{ (index . 0).Release.Namespace | quote }}
{{ include "regcred.metadata" (list (index . 0) (printf "%s%s" (include "regcred.name" (index . 0)) (index . 1))) }}
{{- end -}}

{{/* The ServiceAccount of the pod. */}}
{{- define "regcred.account" -}}
{{ .Values.serviceAccount.name | default (include "regcred.name" .) }}
{{- end -}}

{{/* The role and the subject of a binding. Arguments: the context, the kind and the name of the role. */}}
{{- define "regcred.bound" -}}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ index . 1 }}
  name: {{ index . 2 }}
subjects:
  - kind: ServiceAccount
    name: {{ include "regcred.account" (index . 0) }}
    namespace: {{ (index . 0).Release.Namespace | quote }}
{{- end -}}

{{/* The texts of the config files, as JSON. */}}
{{- define "regcred.files" -}}
{{ kindIs "slice" .Values.config | ternary .Values.config (list .Values.config) | toJson }}
{{- end -}}

{{/*
Refuses values whose `generated` is missing or belongs to another config. `regcred manifests --mode values` and `regcred check` validate the
config.
*/}}
{{- define "regcred.check" -}}
{{- $from := .Values.generated.from -}}
{{- if not $from -}}
{{- fail (printf "cannot render the chart: the values have no `generated`, which regcred computes from the config\nrun `regcred manifests --mode values --config regcred.yaml --namespace %s > values.yaml`, and pass `--values values.yaml`" .Release.Namespace) -}}
{{- end -}}
{{- $again := printf "%s > values.yaml" .Values.generated.command -}}
{{- $sums := list -}}
{{- range include "regcred.files" . | fromJsonArray -}}
{{- $sums = toString . | sha256sum | append $sums -}}
{{- end -}}
{{- if ne (join " " $sums) $from.config -}}
{{- fail (printf "cannot render the chart: `config` is not the text that `generated` was computed from\nchange the config file instead of the values, and run `%s`" $again) -}}
{{- end -}}
{{- if ne .Chart.AppVersion $from.version -}}
{{- fail (printf "cannot render the chart: regcred %s computed `generated`, and the chart installs %s\nwith regcred %s run `%s`" $from.version .Chart.AppVersion .Chart.AppVersion $again) -}}
{{- end -}}
{{- $account := .Values.serviceAccount.name | default .Values.generated.names.own -}}
{{- $guards := dict "policy" "without --role-bindings and --unguarded" "role-bindings" "with --role-bindings" "unguarded" "with --unguarded" -}}
{{- range $setting := list
    (list "the namespace of the release" .Release.Namespace $from.namespace (printf "with --namespace %s" .Release.Namespace))
    (list "mode" .Values.mode $from.mode (printf "with --workload %s" .Values.mode))
    (list "replicas" (int .Values.replicas) (int $from.replicas) (printf "with --replicas %v" .Values.replicas))
    (list "guard" .Values.guard $from.guard (get $guards .Values.guard))
    (list "profiles" .Values.profiles $from.profiles (.Values.profiles | ternary "with --profiles" "without --profiles"))
    (list "sink" .Values.sink $from.sink (.Values.sink | empty | ternary "without --sink" (printf "with --sink %s" .Values.sink)))
    (list "serviceAccount.name" $account $from.serviceAccount "with this name in the file of --pod")
-}}
{{- if ne (index $setting 1 | toString) (index $setting 2 | toString) -}}
{{- fail (printf "cannot render the chart: %s is %q, and `generated` was computed for %q\nrun the command again %s: `%s`" (index $setting 0) (index $setting 1 | toString) (index $setting 2 | toString) (index $setting 3) $again) -}}
{{- end -}}
{{- end -}}
{{- end -}}
