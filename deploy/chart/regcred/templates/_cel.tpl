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

{{/* A map of literals: the keys in order, and the values as they are written. */}}
{{- define "regcred.cel.map" -}}
{{- $map := index . 1 -}}
{{- $items := list -}}
{{- range index . 0 -}}
{{- $items = append $items (printf "%s: %v" (include "regcred.cel.text" .) (get $map .)) -}}
{{- end -}}
{ {{- join ", " $items -}} }
{{- end -}}

{{/* The values of each key, in quotes as JSON has them. */}}
{{- define "regcred.cel.values" -}}
{{- $lists := dict -}}
{{- range $key, $values := . -}}
{{- $texts := list -}}
{{- range keys $values | sortAlpha -}}
{{- $texts = append $texts (toRawJson .) -}}
{{- end -}}
{{- $_ := set $lists $key (printf "[%s]" (join ", " $texts)) -}}
{{- end -}}
{{- include "regcred.cel.map" (list (keys $lists | sortAlpha) $lists) -}}
{{- end -}}

{{/*
The variables that hold a map in parts that a server compiles, as JSON. Arguments: the map, the name of the variables, and how many
keys each has.
*/}}
{{- define "regcred.cel.parts" -}}
{{- $map := index . 0 -}}
{{- $name := index . 1 -}}
{{- $variables := list -}}
{{- range $number, $keys := chunk (index . 2) (keys $map | sortAlpha) -}}
{{- $expression := include "regcred.cel.map" (list $keys $map) -}}
{{- $variables = append $variables (dict "name" (printf "%s_%d" $name $number) "expression" $expression) -}}
{{- end -}}
{{- dict "variables" $variables | toJson -}}
{{- end -}}

{{/* The variable that lists the parts of a map, as JSON: its name, and the variables of the parts. */}}
{{- define "regcred.cel.all_parts" -}}
{{- $parts := list -}}
{{- range index . 1 -}}
{{- $parts = append $parts (printf "variables.%s" .name) -}}
{{- end -}}
{{- dict "name" (index . 0) "expression" (printf "[%s]" (join ", " $parts)) | toJson -}}
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
