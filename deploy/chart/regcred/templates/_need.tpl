{{/*
What the config asks for in this cluster, as JSON:
  own, merged   names of Secrets: regcred's, and those that stay somebody else's wherever they are
  created       the same as merged, but regcred creates them if there is none
  secrets       the names of all Secrets
  accounts      ServiceAccounts that use any of them
  dropped       ServiceAccounts whose links may have to be undone
  named         every namespace that is named
  selecting     whether more are chosen
  labels        the values of each label that the config puts on any of them
  annotations   the same of annotations
  kinds         what regcred does with a Secret, as lists of words
  entries       of each PLACE/SECRET its index in `kinds`
  classes       of each namespace that is named its place, n0, n1 and so on
  selections    the selections, in the order of the file; their places are s0, s1 and so on
  watched       what a daemon watches by name: everything, secrets or nothing
*/}}
{{- define "regcred.need" -}}
{{- $config := .Values.config -}}
{{- if not $config.targets -}}
{{- fail "config.targets: say who needs which registries, such as [{ namespace: team-a, region: eu-west-1 }]" -}}
{{- end -}}
{{- $here := include "regcred.sinks" . | fromJson -}}
{{- $defaults := $config.defaults | default dict -}}
{{- /* Entries for one Secret of the same namespaces are united. */ -}}
{{- $places := dict -}}
{{- $selections := list -}}
{{- $labels := dict -}}
{{- $annotations := dict -}}
{{- range $target := $config.targets -}}
{{- if hasKey $target "sink" | ternary (has $target.sink $here.names) $here.only -}}
{{- $all := $defaults.secret | default dict -}}
{{- $secret := $target.secret | default dict -}}
{{- $name := $secret.name | default $all.name | default "ecr-secret" -}}
{{- $merge := hasKey $secret "merge" | ternary $secret.merge $all.merge | default false -}}
{{- $adopt := hasKey $secret "adopt" | ternary $secret.adopt $all.adopt | default false -}}
{{- range $key, $value := merge (dict) ($secret.labels | default dict) ($all.labels | default dict) -}}
{{- $_ := set $labels $key (merge (dict $value true) (get $labels $key | default dict)) -}}
{{- end -}}
{{- range $key, $value := merge (dict) ($secret.annotations | default dict) ($all.annotations | default dict) -}}
{{- $_ := set $annotations $key (merge (dict $value true) (get $annotations $key | default dict)) -}}
{{- end -}}
{{- $users := hasKey $target "service_accounts" | ternary $target $defaults -}}
{{- $pushes := include "regcred.pushes" (list $config $target) -}}
{{- $namespaces := include "regcred.namespaces" $target | fromJson -}}
{{- $found := dict -}}
{{- range $namespaces.named -}}
{{- $_ := set $found (printf "%s/%s" $name .) (dict "named" .) -}}
{{- end -}}
{{- with $namespaces.selection -}}
{{- $_ := set $found (printf "%s %s" $name (toJson .)) (dict "selection" .) -}}
{{- end -}}
{{- range $key, $place := $found -}}
{{- if hasKey $places $key -}}
{{- $place = get $places $key -}}
{{- else -}}
{{- $_ := set $places $key $place -}}
{{- $_ := set $place "secret" $name -}}
{{- $_ := set $place "accounts" dict -}}
{{- if $place.selection -}}
{{- $selections = append $selections $key -}}
{{- end -}}
{{- end -}}
{{- $_ := set $place "merge" (or $place.merge (not (empty $merge))) -}}
{{- $_ := set $place "create" (or $place.create (eq (toString $merge) "create")) -}}
{{- $_ := set $place "pushes" (or $place.pushes (eq $pushes "true")) -}}
{{- $_ := set $place "said" (or $place.said (hasKey $users "service_accounts")) -}}
{{- $_ := set $place "adopt" (or $place.adopt $adopt) -}}
{{- range $users.service_accounts -}}
{{- $account := .name -}}
{{- range .link | default (list "pull") -}}
{{- $_ := set $place.accounts (printf "%s/%s" . $account) true -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $own := dict -}}
{{- $merged := dict -}}
{{- $created := dict -}}
{{- $secrets := dict -}}
{{- $by_namespace := dict -}}
{{- $by_selection := dict -}}
{{- $accounts := dict -}}
{{- $kinds := dict -}}
{{- $named_secrets := 0 -}}
{{- $named_accounts := 0 -}}
{{- range $places -}}
{{- $_ := set (ternary $merged $own .merge) .secret true -}}
{{- if .create -}}
{{- $_ := set $created .secret true -}}
{{- end -}}
{{- $_ := set $secrets .secret true -}}
{{- $links := keys .accounts -}}
{{- if not (or .said .merge) -}}
{{- $links = list "mount/builder" "mount/pipeline" "pull/builder" "pull/pipeline" -}}
{{- if not .pushes -}}
{{- $links = append $links "pull/default" -}}
{{- end -}}
{{- end -}}
{{- $linked := dict -}}
{{- range $links -}}
{{- $_ := set $accounts (regexReplaceAll "^[^/]*/" . "") true -}}
{{- $_ := set $linked (regexReplaceAll "^[^/]*/" . "") true -}}
{{- end -}}
{{- if hasKey . "named" -}}
{{- $named_secrets = add1 $named_secrets -}}
{{- $named_accounts = add $named_accounts (len $linked) -}}
{{- end -}}
{{- $words := .merge | ternary (.create | ternary (list "create" "merge") (list "merge")) (.adopt | ternary (list "adopt" "own") (list "own")) -}}
{{- /* Words have no spaces, and a space sorts before all that they have. */ -}}
{{- $kind := concat $words $links | sortAlpha | join " " -}}
{{- $_ := set $kinds $kind true -}}
{{- $of := hasKey . "named" | ternary $by_namespace $by_selection -}}
{{- $place := .named | default (toJson .selection) -}}
{{- if not (hasKey $of $place) -}}
{{- $_ := set $of $place dict -}}
{{- end -}}
{{- $_ := set (get $of $place) .secret $kind -}}
{{- end -}}
{{- range keys $own -}}
{{- $_ := unset $merged . -}}
{{- $_ := unset $created . -}}
{{- end -}}
{{- range keys $created -}}
{{- $_ := unset $merged . -}}
{{- end -}}
{{- $order := keys $kinds | sortAlpha -}}
{{- range $index, $kind := $order -}}
{{- $_ := set $kinds $kind $index -}}
{{- end -}}
{{- $entries := dict -}}
{{- $classes := dict -}}
{{- $known := dict -}}
{{- range $namespace := keys $by_namespace | sortAlpha -}}
{{- $of := get $by_namespace $namespace -}}
{{- $content := toJson $of -}}
{{- if not (hasKey $known $content) -}}
{{- $_ := set $known $content (printf "n%d" (len $known)) -}}
{{- range $secret, $kind := $of -}}
{{- $_ := set $entries (printf "%s/%s" (get $known $content) $secret) (get $kinds $kind) -}}
{{- end -}}
{{- end -}}
{{- $_ := set $classes $namespace (get $known $content) -}}
{{- end -}}
{{- $ordered := list -}}
{{- range $key := $selections -}}
{{- $selection := (get $places $key).selection -}}
{{- if not (has $selection $ordered) -}}
{{- range $secret, $kind := get $by_selection (toJson $selection) -}}
{{- $_ := set $entries (printf "s%d/%s" (len $ordered) $secret) (get $kinds $kind) -}}
{{- end -}}
{{- $ordered = append $ordered $selection -}}
{{- end -}}
{{- end -}}
{{- $dropped := list -}}
{{- range list "builder" "default" "pipeline" -}}
{{- if not (hasKey $accounts .) -}}
{{- $dropped = append $dropped . -}}
{{- end -}}
{{- end -}}
{{- /* As NamedWatches counts. */}}
{{- $watched := "nothing" -}}
{{- if and (gt $named_secrets 0) (le (add $named_secrets $named_accounts (len $by_namespace)) 100) -}}
{{- $watched = "everything" -}}
{{- else if and (gt $named_secrets 0) (le $named_secrets 100) -}}
{{- $watched = "secrets" -}}
{{- end -}}
{{- dict
    "watched" $watched
    "own" (keys $own | sortAlpha)
    "merged" (keys $merged | sortAlpha)
    "created" (keys $created | sortAlpha)
    "secrets" (keys $secrets | sortAlpha)
    "accounts" (keys $accounts | sortAlpha)
    "dropped" $dropped
    "named" (keys $by_namespace | sortAlpha)
    "selecting" (not (empty $selections))
    "labels" $labels
    "annotations" $annotations
    "kinds" $order
    "entries" $entries
    "classes" $classes
    "selections" $ordered
  | toJson -}}
{{- end -}}

{{/* The sinks that are this cluster, as JSON: their `names`, and whether an entry that names no sink is for it. */}}
{{- define "regcred.sinks" -}}
{{- $sinks := .Values.config.sinks | default (dict "cluster" (dict "type" "openshift")) -}}
{{- $clusters := dict -}}
{{- $names := list -}}
{{- range $name, $sink := $sinks -}}
{{- if has $sink.type (list "openshift" "kubernetes") -}}
{{- $_ := set $clusters $name $sink -}}
{{- if not (or (hasKey $sink "kubeconfig") (hasKey $sink "context")) -}}
{{- $names = append $names $name -}}
{{- if hasKey $sink "server" -}}
{{- fail (printf "config.sinks.%s.server: in its cluster a pod reaches the API server by another address: leave it out" $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- with .Values.sink -}}
{{- if not (hasKey $clusters .) -}}
{{- fail (printf "sink: %s is no cluster of config.sinks; there are %s" . (keys $clusters | sortAlpha | join ", ")) -}}
{{- end -}}
{{- $named := get $clusters . -}}
{{- if or (hasKey $named "kubeconfig") (hasKey $named "context") -}}
{{- fail (printf "sink: what runs in the cluster %s writes as whoever is in its kubeconfig: `regcred manifests --mode rights` prints its rights" .) -}}
{{- end -}}
{{- $names = list . -}}
{{- end -}}
{{- dict "names" $names "only" (and (eq (len $sinks) 1) (not (empty $names))) | toJson -}}
{{- end -}}

{{/* Whether a login of an entry is for pushing too: the config, and the entry. */}}
{{- define "regcred.pushes" -}}
{{- $providers := (index . 0).providers | default dict -}}
{{- $pushes := false -}}
{{- range (index . 1).providers -}}
{{- $provider := get $providers . | default dict -}}
{{- if and (eq $provider.type "ecr") (eq ($provider.access | default "pull") "push") -}}
{{- $pushes = true -}}
{{- end -}}
{{- end -}}
{{- $pushes -}}
{{- end -}}

{{/* The namespaces of an entry, as JSON: those that are `named`, and the `selection` of others, if there is one. */}}
{{- define "regcred.namespaces" -}}
{{- $items := list .namespace -}}
{{- $exclude := list -}}
{{- $terms := list -}}
{{- if kindIs "map" .namespaces -}}
{{- $items = .namespaces.include | default (list "*") -}}
{{- $exclude = .namespaces.exclude | default list -}}
{{- with .namespaces.selector -}}
{{- $terms = (include "regcred.terms" . | fromJson).terms -}}
{{- end -}}
{{- else if .namespaces -}}
{{- $items = .namespaces -}}
{{- end -}}
{{- range concat $items $exclude -}}
{{- $rest := regexReplaceAll `\[!?.[^]]*\]` . "" -}}
{{- if or (not (regexMatch `^[][a-z0-9*?!-]+$` .)) (contains "**" .) (contains "[" $rest) -}}
{{- fail (printf "config.targets: %q is neither a namespace nor a pattern, such as \"app-*\"" .) -}}
{{- end -}}
{{- end -}}
{{- $named := dict -}}
{{- $include := list -}}
{{- range $items -}}
{{- if regexMatch `[*?[]` . -}}
{{- $include = append $include . -}}
{{- else -}}
{{- $_ := set $named . true -}}
{{- end -}}
{{- end -}}
{{- $all := dict "named" (keys $named) -}}
{{- if $include -}}
{{- $selection := dict "include" (sortAlpha $include | uniq) "exclude" (sortAlpha $exclude | uniq) "terms" $terms -}}
{{- $_ := set $all "selection" $selection -}}
{{- end -}}
{{- toJson $all -}}
{{- end -}}

{{/*
The terms of a label selector, sorted, as JSON. A term is words with a space between them: the key, a number, and values. The number
is 0: there, 1: not there, 2: one of the values, 3: none of them. No key and no value has a space in it, and it sorts before
all that they have.
*/}}
{{- define "regcred.terms" -}}
{{- $key := `[A-Za-z0-9][A-Za-z0-9._/-]*` -}}
{{- $value := `[A-Za-z0-9._-]*` -}}
{{- $list := printf `\(\s*%[1]s\s*(?:,\s*%[1]s\s*)*\)` $value -}}
{{- $term := printf `\s*(?:!?\s*%[1]s|%[1]s\s*(?:=|==|!=)\s*%[2]s|%[1]s\s+(?:in|notin)\s*%[3]s)\s*` $key $value $list -}}
{{- if or (not (regexMatch (printf `^%[1]s(?:,%[1]s)*$` $term) .)) (regexMatch `\(\s*\)` .) -}}
{{- fail (printf "config.targets: %q is not a label selector, such as regcred.dev/profile=pull" .) -}}
{{- end -}}
{{- $terms := list -}}
{{- range regexFindAll `[^,(]+(?:\([^)]*\)\s*)?` . -1 -}}
{{- $term := trim . -}}
{{- $words := list (regexFind $key $term) -}}
{{- if contains "(" $term -}}
{{- $values := list -}}
{{- range regexReplaceAll `^[^(]*\(|\)$` $term "" | splitList "," -}}
{{- $values = append $values (trim .) -}}
{{- end -}}
{{- $words = concat $words (list (regexMatch `\snotin\s*\(` $term | ternary "3" "2")) (sortAlpha $values | uniq) -}}
{{- else if contains "=" $term -}}
{{- $words = concat $words (list (contains "!=" $term | ternary "3" "2") (regexReplaceAll `^[^=]*=+\s*` $term "")) -}}
{{- else -}}
{{- $words = append $words (hasPrefix "!" $term | ternary "1" "0") -}}
{{- end -}}
{{- $terms = append $terms (join " " $words) -}}
{{- end -}}
{{- dict "terms" (sortAlpha $terms | uniq) | toJson -}}
{{- end -}}

{{/* Whether rights are bound in the whole cluster, or in each namespace: the context, and the need. */}}
{{- define "regcred.everywhere" -}}
{{- and (index . 1).selecting (ne (index . 0).Values.guard "role-bindings") -}}
{{- end -}}

{{/* Refuses what would not work. */}}
{{- define "regcred.check" -}}
{{- $need := include "regcred.need" . | fromJson -}}
{{- $config := .Values.config -}}
{{- if not $need.secrets -}}
{{- fail "config.targets: none of them is in this cluster; `sink` names another" -}}
{{- end -}}
{{- if and $config.prune (eq .Values.mode "daemon") (not $need.selecting) -}}
{{- fail "config.prune: leave it out, or choose namespaces by pattern or label: what is to be removed is known by a list of them" -}}
{{- end -}}
{{- range $name, $provider := $config.providers -}}
{{- if eq $provider.type "ecr" -}}
{{- with ($provider.web_identity | default dict).token_file -}}
{{- include "regcred.check.file" (list $ (printf "providers.%s.web_identity.token_file" $name) .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $name, $sink := $config.sinks -}}
{{- if has $sink.type (list "openshift" "kubernetes") -}}
{{- with $sink.kubeconfig -}}
{{- include "regcred.check.file" (list $ (printf "sinks.%s.kubeconfig" $name) .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and .Values.trustedCa.openshift .Values.trustedCa.configMap -}}
{{- fail "trustedCa: leave out `openshift` or `configMap`" -}}
{{- end -}}
{{- if and .Values.proxy.noProxy (not .Values.proxy.https) -}}
{{- fail "proxy.noProxy: there is no `https` that it is for" -}}
{{- end -}}
{{- if and .Values.profiles (ne .Values.guard "policy") -}}
{{- fail "profiles: they take `guard: policy`" -}}
{{- end -}}
{{- if and (has .Values.identity.type (list "webhook" "projected")) (not .Values.identity.roleArn) -}}
{{- fail (printf "identity.roleArn: `type: %s` needs a role" .Values.identity.type) -}}
{{- end -}}
{{- if and (eq .Values.identity.type "keys") (not .Values.identity.secretName) -}}
{{- fail "identity.secretName: `type: keys` needs an existing Secret" -}}
{{- end -}}
{{- if and .Values.identity.roleArn (not (has .Values.identity.type (list "webhook" "projected"))) -}}
{{- fail "identity.roleArn: it needs `type: webhook` or `type: projected`" -}}
{{- end -}}
{{- if and .Values.identity.secretName (ne .Values.identity.type "keys") -}}
{{- fail "identity.secretName: it needs `type: keys`" -}}
{{- end -}}
{{- $daemon := eq .Values.mode "daemon" -}}
{{- if and (gt (int .Values.replicas) 1) (not $daemon) -}}
{{- fail "replicas: more than one needs `mode: daemon`" -}}
{{- end -}}
{{- if and .Values.dashboard (not $daemon) -}}
{{- fail "dashboard: it needs `mode: daemon`" -}}
{{- end -}}
{{- if and (not $daemon) $config.schedule -}}
{{- $gaps := include "regcred.gaps" . | fromJson -}}
{{- /* A token lives for 12 hours. A tenth of it is for the pass, and for a run that is late. */ -}}
{{- if ge (int $gaps.longest) 648 -}}
{{- $message := "config.schedule: %s pauses for %d hours or more, and a token of Amazon ECR lives for 12: run it at least every 10 hours, or leave the schedule out" -}}
{{- fail (printf $message $config.schedule (div (int $gaps.longest) 60)) -}}
{{- end -}}
{{- end -}}
{{- include "regcred.check.account" . -}}
{{- include "regcred.check.pod" . -}}
{{- if gt (len (toYaml $config)) 921600 -}}
{{- fail "config: it is too large for a ConfigMap: choose namespaces instead of naming them" -}}
{{- end -}}
{{- end -}}

{{/* Refuses a file that no volume of the pod holds: the context, who names it, and the file. */}}
{{- define "regcred.check.file" -}}
{{- $file := clean (index . 2) -}}
{{- $is_there := eq $file "/var/run/secrets/regcred/token" -}}
{{- range (index . 0).Values.mounts -}}
{{- if hasPrefix (printf "%s/" (clean .folder)) (printf "%s/" $file) -}}
{{- $is_there = true -}}
{{- end -}}
{{- end -}}
{{- if not $is_there -}}
{{- $message := "config.%s: %s is in no volume of the pod: mount a Secret there that has it, by `mounts`" -}}
{{- fail (printf $message (index . 1) (index . 2)) -}}
{{- end -}}
{{- end -}}

{{- define "regcred.check.account" -}}
{{- $account := .Values.serviceAccount -}}
{{- if and (not $account.create) (not $account.name) -}}
{{- fail "serviceAccount.name: name the ServiceAccount that exists, as `create` is false" -}}
{{- end -}}
{{- if and (not $account.create) $account.annotations -}}
{{- fail "serviceAccount.annotations: a ServiceAccount that is not made gets none" -}}
{{- end -}}
{{- if eq ($account.name | default "") "default" -}}
{{- fail "serviceAccount.name: every pod of the namespace that names no ServiceAccount runs as `default`, and would have these rights" -}}
{{- end -}}
{{- if and (eq .Values.identity.type "webhook") (hasKey ($account.annotations | default dict) "eks.amazonaws.com/role-arn") -}}
{{- fail "serviceAccount.annotations: the identity sets eks.amazonaws.com/role-arn: leave it out" -}}
{{- end -}}
{{- end -}}

{{/* What would break the pod, or show a key. No value of a variable is quoted. */}}
{{- define "regcred.check.pod" -}}
{{- $keys := list "AWS_ACCESS_KEY_ID" "AWS_SECRET_ACCESS_KEY" "AWS_SESSION_TOKEN" -}}
{{- $own := dict "AWS_ROLE_ARN" "identity" "AWS_WEB_IDENTITY_TOKEN_FILE" "identity" "AWS_SHARED_CREDENTIALS_FILE" "identity" -}}
{{- $own = merge $own (dict "HTTPS_PROXY" "proxy.https" "NO_PROXY" "proxy.noProxy" "SSL_CERT_FILE" "trustedCa") -}}
{{- $seen := dict -}}
{{- range .Values.extraEnv -}}
{{- if hasKey $seen .name -}}
{{- fail (printf "extraEnv: %s: it is there twice" .name) -}}
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
{{- fail (printf "extraEnv: %s: it would change the config and not the rights: write it in `config`" .name) -}}
{{- end -}}
{{- end -}}
{{- range keys .Values.podLabels -}}
{{- if or (hasPrefix "app.kubernetes.io/" .) (hasPrefix "regcred.dev/" .) -}}
{{- fail (printf "podLabels.%s: the chart sets the labels of this prefix" .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
