{{/*
Returns whether the chart renders a kind of the Prometheus operator. Arguments: the context and the kind. Helm knows the kinds of a
cluster. `helm template --api-versions monitoring.coreos.com/v1` gives only the group and version, which includes every kind.
*/}}
{{- define "regcred.monitors" -}}
{{- $root := index . 0 -}}
{{- $api := "monitoring.coreos.com/v1" -}}
{{- $served := $root.Capabilities.APIVersions.Has (printf "%s/%s" $api (index . 1)) -}}
{{- if not $served -}}
{{- $served = $root.Capabilities.APIVersions.Has $api -}}
{{- range $root.Capabilities.APIVersions -}}
{{- if hasPrefix (printf "%s/" $api) . -}}
{{- $served = false -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $wanted := $root.Values.monitoring -}}
{{- and (eq $root.Values.mode "daemon") (eq (toString $wanted) "auto" | ternary $served (eq (toString $wanted) "true")) -}}
{{- end -}}
