{{/*
Refuses values that would break the pod or expose a key, and that `values.schema.json` cannot refuse. It quotes no value of a variable.
*/}}
{{- define "regcred.check.pod" -}}
{{- $keys := list "AWS_ACCESS_KEY_ID" "AWS_SECRET_ACCESS_KEY" "AWS_SESSION_TOKEN" -}}
{{- $own := dict "AWS_ROLE_ARN" "identity" "AWS_WEB_IDENTITY_TOKEN_FILE" "identity" "AWS_SHARED_CREDENTIALS_FILE" "identity" -}}
{{- $own = merge $own (dict "HTTPS_PROXY" "proxy.https" "NO_PROXY" "proxy.noProxy" "SSL_CERT_FILE" "trustedCa") -}}
{{- $seen := dict -}}
{{- range .Values.extraEnv -}}
{{- if hasKey $seen .name -}}
{{- fail (printf "extraEnv: %s: duplicate variable" .name) -}}
{{- end -}}
{{- $_ := set $seen .name true -}}
{{- if and (hasKey . "value") (hasKey . "valueFrom") -}}
{{- fail (printf "extraEnv: %s: leave out `value` or `valueFrom`" .name) -}}
{{- end -}}
{{- if and (has .name $keys) (hasKey . "value") -}}
{{- fail (printf "extraEnv: %s: everyone who may read the pod would read the key: put it into a Secret and use `identity.type: keys`" .name) -}}
{{- end -}}
{{- if hasKey $own .name -}}
{{- fail (printf "extraEnv: %s: set it with `%s`" .name (get $own .name)) -}}
{{- end -}}
{{- if or (hasPrefix "REGCRED__" .name) (eq .name "REGCRED_CONFIG") -}}
{{- fail (printf "extraEnv: %s: it would change the config and not the rights: set it in the config" .name) -}}
{{- end -}}
{{- end -}}
{{- range keys .Values.podLabels -}}
{{- if or (hasPrefix "app.kubernetes.io/" .) (hasPrefix "regcred.dev/" .) -}}
{{- fail (printf "podLabels.%s: the chart sets the labels of this prefix" .) -}}
{{- end -}}
{{- end -}}
{{- if and (eq .Values.identity.type "webhook") (hasKey (.Values.serviceAccount.annotations | default dict) "eks.amazonaws.com/role-arn") -}}
{{- fail "serviceAccount.annotations: the identity sets eks.amazonaws.com/role-arn: leave it out" -}}
{{- end -}}
{{- end -}}
