{{/*
Whether services could load what they are told, said in their own words. `files/settings.json` has the form of each setting
and the rules between them; it is made from the services' table (make chart-docs), and a test compares both.
*/}}
{{- define "valetkey.settingChecks" -}}
{{- $problems := list -}}
{{- range list "authorize" "token" "introspection" "mailer" "key-rotation" "migration" "operator" -}}
{{- $access := dict "root" $ "identity" . "settings" dict -}}
{{- if has . (list "authorize" "token" "introspection" "mailer") }}{{ $_ := set $access "settings" (include "valetkey.values" (dict "root" $ "component" .) | fromYaml).settings }}{{ end -}}
{{- $problems = concat $problems (include "valetkey.settingProblems" $access | fromJsonArray) | uniq -}}
{{- end -}}
{{- with $problems }}{{ fail (printf "\n\nThe settings have %d problem%s:\n- %s\n" (len .) (eq (len .) 1 | ternary "" "s") (join "\n- " .)) }}{{ end -}}
{{- end -}}

{{/* What an identity could not load, as a JSON list of sentences, each after the value that it comes from: root, identity, settings. */}}
{{- define "valetkey.settingProblems" -}}
{{- $known := .root.Files.Get "files/settings.json" | fromJson -}}
{{- $problems := list -}}
{{- $texts := dict -}}
{{- $unreadable := list -}}
{{- range $name, $value := include "valetkey.settings" . | fromYaml -}}
{{- with get $known.settings $name -}}
{{- $text := include "valetkey.text" $value | trim -}}
{{- $problem := "" -}}
{{- if $text }}{{ $_ := set $texts $name $text }}{{ $problem = include "valetkey.formProblem" (dict "forms" .forms "text" $text) }}{{ end -}}
{{- if $problem -}}
{{- $unreadable = append $unreadable $name -}}
{{- $problems = append $problems (printf "%s: VALETKEY_%s %s." (include "valetkey.valueOfSetting" (dict "access" $ "name" $name "known" $known)) (upper $name) $problem) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $rule := $known.rules -}}
{{- $given := list -}}
{{- $doubtful := false -}}
{{- $values := list -}}
{{- range $name := .settings -}}
{{- if hasKey $texts $name }}{{ $given = append $given (include "valetkey.valueOfSetting" (dict "access" $ "name" $name "known" $known)) }}{{ end -}}
{{- if has $name $unreadable }}{{ $doubtful = true }}{{ end -}}
{{- $setting := get $known.settings $name -}}
{{- $values = append $values (dict "form" (first $setting.forms) "text" (get $texts $name | default $setting.default)) -}}
{{- end -}}
{{- if and $given (not $doubtful) (not (include (printf "valetkey.rule.%s" .kind) (dict "rule" . "values" $values))) -}}
{{- $problems = append $problems (printf "%s: VALETKEY_%s %s." (join " and " $given) (first .settings | upper) .advice) -}}
{{- end -}}
{{- end -}}
{{- toJson $problems -}}
{{- end -}}

{{/* The value that a setting comes from: access, name, known. */}}
{{- define "valetkey.valueOfSetting" -}}
{{- $values := .access.root.Values -}}
{{- if hasKey (get .known.settings .name) "value" -}}
{{- get (get .known.settings .name) "value" -}}
{{- else if and (has .access.identity (list "authorize" "token" "introspection" "mailer")) (hasKey (get (index $values .access.identity) "settings" | default dict) .name) -}}
{{- printf "%s.settings.%s" .access.identity .name -}}
{{- else if and (has .access.identity (list "authorize" "token" "introspection" "mailer")) (hasKey $values.services.settings .name) -}}
{{- printf "services.settings.%s" .name -}}
{{- else -}}
{{- printf "settings.%s" .name -}}
{{- end -}}
{{- end -}}

{{/* What a text lacks of its forms, or nothing: forms, text. */}}
{{- define "valetkey.formProblem" -}}
{{- $text := .text -}}
{{- $problem := "" -}}
{{- range .forms -}}
{{- if not $problem }}{{ $problem = include (printf "valetkey.form.%s" .kind) (dict "form" . "text" $text) }}{{ end -}}
{{- end -}}
{{- $problem -}}
{{- end -}}

{{- define "valetkey.form.matches" -}}
{{- if not (mustRegexMatch (printf "(?s)^(?:%s)$" .form.pattern) .text) }}{{ .form.advice }}{{ end -}}
{{- end -}}

{{- define "valetkey.form.lacks" -}}
{{- $pattern := printf "(?s)^(?:%s)$" .form.pattern -}}
{{- if mustRegexMatch $pattern .text -}}
{{- $excepted := and .form.unless (mustRegexMatch (printf "(?s)^(?:%s)$" (.form.unless | default "")) .text) -}}
{{- if not $excepted }}{{ mustRegexReplaceAll $pattern .text .form.advice }}{{ end -}}
{{- end -}}
{{- end -}}

{{- define "valetkey.form.amount" -}}
{{- $amount := include "valetkey.amount" . -}}
{{- $form := .form -}}
{{- if or (not $amount) (lt (int64 $amount) (int64 $form.low)) (gt (int64 $amount) (int64 $form.high)) (ne (mod (int64 $amount) (int64 $form.step)) 0) }}{{ $form.advice }}{{ end -}}
{{- end -}}

{{/* How much a text is, in the least unit; nothing where it is no amount: form, text. */}}
{{- define "valetkey.amount" -}}
{{- $pattern := printf "^(?:%s)$" .form.pattern -}}
{{- if mustRegexMatch $pattern .text -}}
{{- $number := mustRegexReplaceAll "^(-?)0*([0-9])" (mustRegexReplaceAll $pattern .text "${1}") "${1}${2}" -}}
{{- mul (int64 $number) (get .form.units (mustRegexReplaceAll $pattern .text "${2}") | int64) -}}
{{- end -}}
{{- end -}}

{{- define "valetkey.form.fraction" -}}
{{- if not (mustRegexMatch (printf "^(?:%s)$" .form.pattern) .text) }}{{ .form.advice }}
{{- else if gt (float64 .text) (float64 .form.high) }}{{ .form.advice }}{{ end -}}
{{- end -}}

{{/* The entries of a list, separated by commas, as JSON. */}}
{{- define "valetkey.items" -}}
{{- $items := list -}}
{{- range splitList "," . }}{{ with trim . }}{{ $items = append $items . }}{{ end }}{{ end -}}
{{- toJson $items -}}
{{- end -}}

{{- define "valetkey.form.someOf" -}}
{{- $form := .form -}}
{{- $chosen := include "valetkey.items" .text | fromJsonArray -}}
{{- $sound := and $chosen (eq (len $chosen) (len (uniq $chosen))) -}}
{{- range $chosen }}{{ if not (has . $form.names) }}{{ $sound = false }}{{ end }}{{ end -}}
{{- if not $sound }}{{ $form.advice }}{{ end -}}
{{- end -}}

{{- define "valetkey.form.networks" -}}
{{- $sound := true -}}
{{- range include "valetkey.items" .text | fromJsonArray }}{{ if not (include "valetkey.isNetwork" .) }}{{ $sound = false }}{{ end }}{{ end -}}
{{- if not $sound }}{{ .form.advice }}{{ end -}}
{{- end -}}

{{- define "valetkey.form.distinctNodes" -}}
{{- $form := .form -}}
{{- $pattern := printf "(?s)^(?:%s)$" $form.pattern -}}
{{- if mustRegexMatch $pattern .text -}}
{{- $nodes := list -}}
{{- range splitList "," (mustRegexReplaceAll $pattern .text "${1}") -}}
{{- $nodes = append $nodes (regexMatch ":[0-9]+$" . | ternary . (printf "%s:%s" . $form.defaultPort)) -}}
{{- end -}}
{{- if ne (len $nodes) (len (uniq $nodes)) }}{{ $form.advice }}{{ end -}}
{{- end -}}
{{- end -}}

{{/* Whether the first values, each so many times, are at most the last one, as "true" or nothing: rule, values. */}}
{{- define "valetkey.rule.noMoreThan" -}}
{{- $sum := 0 -}}
{{- range $index, $times := .rule.times -}}
{{- $sum = add $sum (mul (int64 $times) (include "valetkey.amount" (index $.values $index) | int64)) -}}
{{- end -}}
{{- $most := include "valetkey.amount" (last .values) | int64 -}}
{{- if or (lt (int64 $sum) $most) (and (eq (int64 $sum) $most) (not .rule.strict)) }}true{{ end -}}
{{- end -}}

{{/* Whether the first value is not given, or in the list that the second one is. */}}
{{- define "valetkey.rule.oneOf" -}}
{{- $value := (first .values).text -}}
{{- if or (not $value) (has $value (include "valetkey.items" (last .values).text | fromJsonArray)) }}true{{ end -}}
{{- end -}}

{{/* Whether the first value is not given, or the host of the second, or a domain with a dot that this is in. */}}
{{- define "valetkey.rule.domainOf" -}}
{{- $domain := (first .values).text -}}
{{- $host := mustRegexReplaceAll "^https?://(\\[[^]]*\\]|[^:/?#]*).*$" (last .values).text "${1}" -}}
{{- $isName := not (or (hasPrefix "[" $host) (mustRegexMatch "^[0-9.]+$" $host)) -}}
{{- $isParent := and (contains "." $domain) (hasSuffix (printf ".%s" $domain) $host) -}}
{{- if or (not $domain) (and $isName (or (eq $domain $host) $isParent)) }}true{{ end -}}
{{- end -}}

{{/* Whether a text is an address, or a network without host bits, as "true" or nothing. */}}
{{- define "valetkey.isNetwork" -}}
{{- $parts := splitList "/" . -}}
{{- $digits := include "valetkey.hexAddress" (first $parts) -}}
{{- $bits := mul 4 (len $digits) -}}
{{- $prefix := toString $bits -}}
{{- if gt (len $parts) 1 }}{{ $prefix = include "valetkey.prefixLength" (dict "text" (rest $parts | join "/") "bits" $bits) }}{{ end -}}
{{- if and $digits $prefix -}}
{{- $whole := div (int64 $prefix) 4 -}}
{{- $some := index (list "" "[08]" "[048c]" "[02468ace]") (mod (int64 $prefix) 4 | int) -}}
{{- if mustRegexMatch (printf "^[0-9a-f]{%d}%s0*$" $whole $some) $digits }}true{{ end -}}
{{- end -}}
{{- end -}}

{{/* How many bits are those of the network, or nothing: text (a number, or a mask of IPv4), bits. */}}
{{- define "valetkey.prefixLength" -}}
{{- if mustRegexMatch "^0*[0-9]{1,3}$" .text -}}
{{- $length := mustRegexReplaceAll "^0*([0-9])" .text "${1}" | int -}}
{{- if le $length (int .bits) }}{{ $length }}{{ end -}}
{{- else if eq (int .bits) 32 -}}
{{- $mask := include "valetkey.hexAddress" .text -}}
{{- if and $mask (not (contains ":" .text)) -}}
{{- if mustRegexMatch "^f*[8ce]?0*$" $mask -}}
{{- $ones := len (regexFind "^f*" $mask) -}}
{{- add (mul 4 $ones) (get (dict "8" 1 "c" 2 "e" 3) (substr $ones (add1 $ones | int) $mask) | default 0) -}}
{{- else if mustRegexMatch "^0*[137]?f*$" $mask -}}
{{- $zeros := len (regexFind "^0*" $mask) -}}
{{- add (mul 4 $zeros) (get (dict "7" 1 "3" 2 "1" 3) (substr $zeros (add1 $zeros | int) $mask) | default 0) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* An address as 8 hexadecimal digits (IPv4) or 32 (IPv6), or nothing. */}}
{{- define "valetkey.hexAddress" -}}
{{- $octet := "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])" -}}
{{- $address := lower . -}}
{{- if mustRegexMatch (printf "^%s([.]%s){3}$" $octet $octet) $address -}}
{{- range splitList "." $address }}{{ printf "%02x" (int .) }}{{ end -}}
{{- else if mustRegexMatch "^[0-9a-f:.]+$" $address -}}
{{- $tail := regexFind (printf ":%s([.]%s){3}$" $octet $octet) $address -}}
{{- if $tail -}}
{{- $four := include "valetkey.hexAddress" (trimPrefix ":" $tail) -}}
{{- $address = printf "%s:%s:%s" (trimSuffix $tail $address) (substr 0 4 $four) (substr 4 8 $four) -}}
{{- end -}}
{{- $halves := splitList "::" $address -}}
{{- $groups := list -}}
{{- if eq (len $halves) 1 -}}
{{- $groups = splitList ":" $address -}}
{{- else if eq (len $halves) 2 -}}
{{- $left := empty (first $halves) | ternary list (splitList ":" (first $halves)) -}}
{{- $right := empty (last $halves) | ternary list (splitList ":" (last $halves)) -}}
{{- $missing := sub 8 (add (len $left) (len $right)) | int -}}
{{- if gt $missing 0 -}}
{{- $groups = $left -}}
{{- range until $missing }}{{ $groups = append $groups "0" }}{{ end -}}
{{- $groups = concat $groups $right -}}
{{- end -}}
{{- end -}}
{{- $digits := "" -}}
{{- range $groups }}{{ if mustRegexMatch "^[0-9a-f]{1,4}$" . }}{{ $digits = printf "%s%s%s" $digits (substr (len .) 4 "0000") . }}{{ end }}{{ end -}}
{{- if and (eq (len $groups) 8) (eq (len $digits) 32) }}{{ $digits }}{{ end -}}
{{- end -}}
{{- end -}}
