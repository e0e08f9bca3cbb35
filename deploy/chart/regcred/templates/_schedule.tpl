{{/* How long a Job may take, in seconds: it ends before the next one begins. */}}
{{- define "regcred.active" -}}
{{- $gaps := include "regcred.gaps" . | fromJson -}}
{{- min 660 (sub (mul 60 (int $gaps.shortest)) 15) -}}
{{- end -}}

{{/* The shortest and the longest pause between two runs, in minutes, as JSON. */}}
{{- define "regcred.gaps" -}}
{{- $day := 1440 -}}
{{- $schedule := .Values.config.schedule | default "*/15 * * * *" -}}
{{- $known := dict "@hourly" "0 * * * *" "@daily" "0 0 * * *" "@midnight" "0 0 * * *" "@weekly" "0 0 * * 0" "@monthly" "0 0 1 * *" -}}
{{- $known = merge $known (dict "@yearly" "0 0 1 1 *" "@annually" "0 0 1 1 *") -}}
{{- $fields := regexSplit `\s+` (get $known $schedule | default $schedule | trim) -1 -}}
{{- if ne (len $fields) 5 -}}
{{- fail (printf "config.schedule: %q has not five fields, such as \"17 */4 * * *\"" $schedule) -}}
{{- end -}}
{{- $hours := include "regcred.field" (list (index $fields 1) 23) | fromJsonArray -}}
{{- $minutes := include "regcred.field" (list (index $fields 0) 59) | fromJsonArray -}}
{{- $times := list -}}
{{- range $hour := $hours -}}
{{- range $minute := $minutes -}}
{{- $times = add (mul 60 (int $hour)) (int $minute) | int | append $times -}}
{{- end -}}
{{- end -}}
{{- if not $times -}}
{{- fail (printf "config.schedule: %q is never" $schedule) -}}
{{- end -}}
{{- $shortest := $day -}}
{{- $longest := 0 -}}
{{- $last := sub (last $times) $day | int -}}
{{- range $times -}}
{{- $gap := sub . $last | int -}}
{{- $shortest = min $shortest $gap | int -}}
{{- $longest = max $longest $gap | int -}}
{{- $last = . -}}
{{- end -}}
{{- /* A day on which it does not run makes a pause of a day at least. */ -}}
{{- range slice $fields 2 -}}
{{- if not (regexMatch `^([*?](/1)?|1-31|1-12|0-[67]|1-7)$` .) -}}
{{- $longest = max $longest (mul 2 $day) | int -}}
{{- end -}}
{{- end -}}
{{- dict "shortest" $shortest "longest" $longest | toJson -}}
{{- end -}}

{{/* The numbers of a field of a schedule, in order, as JSON: its text, and the last number that it may have. */}}
{{- define "regcred.field" -}}
{{- $end := index . 1 | int -}}
{{- $numbers := dict -}}
{{- range splitList "," (index . 0) -}}
{{- $parts := splitList "/" . -}}
{{- $range := first $parts -}}
{{- $ends := splitList "-" $range -}}
{{- $any := has $range (list "*" "?") -}}
{{- $from := $any | ternary 0 (first $ends | int) -}}
{{- $to := or $any (gt (len $parts) 1) | ternary $end $from -}}
{{- if gt (len $ends) 1 -}}
{{- $to = last $ends | int -}}
{{- end -}}
{{- $step := gt (len $parts) 1 | ternary (last $parts | int) 1 -}}
{{- range untilStep (int $from) (add1 $to | int) $step -}}
{{- $_ := set $numbers (toString .) true -}}
{{- end -}}
{{- end -}}
{{- $all := list -}}
{{- range until (add1 $end | int) -}}
{{- if hasKey $numbers (toString .) -}}
{{- $all = append $all . -}}
{{- end -}}
{{- end -}}
{{- toJson $all -}}
{{- end -}}
