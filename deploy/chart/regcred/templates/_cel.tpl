{{/* Expressions in the Common Expression Language, as the API server reads them. */}}

{{/* A literal. */}}
{{- define "regcred.cel.text" -}}
'{{ . | replace `\` `\\` | replace `'` `\'` }}'
{{- end -}}

{{/* A list of literals: names or labels, which hold neither quotes nor backslashes. There is at least one. */}}
{{- define "regcred.cel.list" -}}
['{{ join "', '" . }}']
{{- end -}}

{{/* `one || other`; false if there is none. */}}
{{- define "regcred.cel.any" -}}
{{- include "regcred.cel.joined" (list . " || " "false") -}}
{{- end -}}

{{/* `one && other`; true if there is none. */}}
{{- define "regcred.cel.all" -}}
{{- include "regcred.cel.joined" (list . " && " "true") -}}
{{- end -}}

{{- define "regcred.cel.joined" -}}
{{- $parts := index . 0 -}}
{{- if not $parts -}}
{{- index . 2 -}}
{{- else if eq (len $parts) 1 -}}
{{- first $parts -}}
{{- else -}}
({{ join (printf ")%s(" (index . 1)) $parts }})
{{- end -}}
{{- end -}}

{{/* Whether the request's namespace is one of these. */}}
{{- define "regcred.cel.named" -}}
request.namespace in {{ include "regcred.cel.list" . }}
{{- end -}}

{{/* Whether the request's namespace is chosen: the selection, and regcred's own namespace, which never is. */}}
{{- define "regcred.cel.chosen" -}}
{{- $selection := index . 0 -}}
{{- $own := index . 1 -}}
{{- $parts := list -}}
{{- $include := list -}}
{{- range $selection.include -}}
{{- $include = append $include (include "regcred.cel.matches" .) -}}
{{- end -}}
{{- if ne (join "," $selection.include) "*" -}}
{{- $parts = append $parts (include "regcred.cel.any" $include) -}}
{{- end -}}
{{- range $selection.exclude -}}
{{- $parts = append $parts (printf "!%s" (include "regcred.cel.matches" .)) -}}
{{- end -}}
{{- range $selection.terms -}}
{{- $parts = append $parts (include "regcred.cel.label" .) -}}
{{- end -}}
{{- $platform := list "default" "openshift" "dedicated-admin" $own | include "regcred.cel.named" | list -}}
{{- range list "kube-" "openshift-" "redhat-" -}}
{{- $platform = append $platform (printf "request.namespace.startsWith('%s')" .) -}}
{{- end -}}
{{- $parts = append $parts (printf "!(%s)" (join " || " $platform)) -}}
{{- include "regcred.cel.all" $parts -}}
{{- end -}}

{{/* What one label of the request's namespace has to be: a term of a selector. */}}
{{- define "regcred.cel.label" -}}
{{- $words := splitList " " . -}}
{{- $labels := "namespaceObject.metadata.labels" -}}
{{- $key := first $words | include "regcred.cel.text" -}}
{{- $test := index $words 1 -}}
{{- $there := printf "has(%[1]s) && %[2]s in %[1]s" $labels $key -}}
{{- if has $test (list "2" "3") -}}
{{- $there = printf "%s && %s[%s] in %s" $there $labels $key (slice $words 2 | include "regcred.cel.list") -}}
{{- end -}}
{{- has $test (list "0" "2") | ternary $there (printf "!(%s)" $there) -}}
{{- end -}}

{{/* Whether the request's namespace matches a pattern. */}}
{{- define "regcred.cel.matches" -}}
{{- $regex := "" -}}
{{- range regexFindAll `\[!?.[^]]*\]|.` . -1 -}}
{{- if eq . "*" -}}
{{- $regex = print $regex ".*" -}}
{{- else if eq . "?" -}}
{{- $regex = print $regex "." -}}
{{- else if gt (len .) 1 -}}
{{- $regex = include "regcred.cel.class" . | print $regex -}}
{{- else -}}
{{- $regex = print $regex . -}}
{{- end -}}
{{- end -}}
request.namespace.matches({{ printf "^%s$" $regex | include "regcred.cel.text" }})
{{- end -}}

{{/* The letters in brackets of a pattern, as RE2 has them. It refuses a range that is the wrong way round, which is left out. */}}
{{- define "regcred.cel.class" -}}
{{- $letters := . | trimPrefix "[" | trimSuffix "]" -}}
{{- $class := "" -}}
{{- if hasPrefix "!" $letters -}}
{{- $class = "^" -}}
{{- $letters = trimPrefix "!" $letters -}}
{{- end -}}
{{- if hasPrefix "]" $letters -}}
{{- $class = print $class `\]` -}}
{{- $letters = trimPrefix "]" $letters -}}
{{- end -}}
{{- range regexFindAll `.-.|.` $letters -1 -}}
{{- if eq (len .) 3 -}}
{{- if le (substr 0 1 .) (substr 2 3 .) -}}
{{- $class = print $class . -}}
{{- end -}}
{{- else if regexMatch `[A-Za-z0-9]` . -}}
{{- $class = print $class . -}}
{{- else -}}
{{- $class = printf `%s\%s` $class . -}}
{{- end -}}
{{- end -}}
[{{ $class }}]
{{- end -}}
