//! Messages about invalid configs and command lines: each has its place as `FILE:LINE:` and a fix, and no words of a
//! library.

use std::process::Command;

use crate::world::{regcred, run};

/// Words of the libraries that read configs, times and command lines.
const JARGON: [&str; 22] = [
    "from_str",
    "DuplicateKeyPolicy",
    "Options",
    "jiff",
    "Span",
    "friendly",
    "serde",
    "saphyr",
    "figment",
    "scanning",
    "did not find expected",
    "anchor or alias",
    "block mapping",
    "block collection",
    "indicator",
    "deserial",
    "u32",
    "u64",
    "invalid type",
    "enum",
    "variant",
    "expected a",
];

const ENTRY: &str = "targets: [{ namespace: team-a, region: eu-west-1 }]\n";

fn check(yaml: &str, change: impl FnOnce(&mut Command)) -> (i32, String) {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("c.yaml"), yaml).expect("it can be written");
    let mut command = regcred(&["check", "-f", "c.yaml"]);
    command.current_dir(dir.path());
    change(&mut command);
    let (code, _, told) = run(&mut command);
    for word in JARGON {
        assert!(!told.contains(word), "{word}: {yaml}\n{told}");
    }
    (code, told)
}

/// Asserts that each config is refused with this text at this line, without words of a library. Line 0 means no line.
fn assert_told(faults: Vec<(String, u64, &str)>) {
    let mut wrong = vec![];
    for (yaml, line, expected) in faults {
        let (code, told) = check(&yaml, |_| ());
        let place = if line == 0 { "error: c.yaml: ".into() } else { format!("error: c.yaml:{line}: ") };
        if code != 2 || !told.lines().any(|it| it.starts_with(&place) && it.contains(expected)) {
            wrong.push(format!("{yaml}{place}… {expected}\n{told}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn entry(keys: &str) -> String {
    format!("targets:\n- {{ namespace: team-a, {keys} }}\n")
}

fn provider(keys: &str) -> String {
    format!("providers:\n  pull: {{ type: ecr, {keys} }}\ntargets: [{{ namespace: team-a, providers: [pull] }}]\n")
}

fn secret(keys: &str) -> String {
    entry(&format!("region: eu-west-1, secret: {{ {keys} }}"))
}

fn sink(keys: &str) -> String {
    format!("sinks:\n  b: {{ type: openshift, {keys} }}\n{ENTRY}")
}

#[test]
fn each_config_error_has_its_line_and_its_fix() {
    assert_told(vec![
        // Lists and numbers in place of text.
        ("targets:\n- { namespace: [a, b], region: eu-west-1 }\n".to_owned(), 2, "use `namespaces`"),
        (entry("region: [a, b]"), 2, "one entry, or one provider, for each region"),
        (provider("region: [eu-west-1, us-east-1]"), 2, "one entry, or one provider, for each region"),
        (entry("regions: [a]"), 2, "did you mean `region`? Write one entry"),
        (provider("regions: [a]"), 2, "did you mean `region`? Write one entry"),
        (entry("registry: [a]"), 2, "one entry for each registry"),
        (secret("annotations: { x: 1 }"), 2, "secret.annotations.x: a number is not text: put it in quotes"),
        (secret("labels: { x: true }"), 2, "secret.labels.x: true or false is not text: put it in quotes"),
        (secret("name: [a]"), 2, "a list is not text: write one value"),
        (format!("resync: 5\n{ENTRY}"), 1, "5 has no unit: write a duration such as 5m"),
        (format!("resync: 1us\n{ENTRY}"), 1, "too often: at least 1s"),
        (format!("resync: 0s\n{ENTRY}"), 1, "too often: at least 1s"),
        (format!("resync: 999ms\n{ENTRY}"), 1, "too often: at least 1s"),
        (format!("resync: 1d\n{ENTRY}"), 1, "is not a duration such as 90s, 5m or 1h"),
        (format!("resync: soon\n{ENTRY}"), 1, "is not a duration such as"),
        (format!("schedule: 5\n{ENTRY}"), 1, "5 is not text: put it in quotes"),
        (format!("instance: [a]\n{ENTRY}"), 1, "a list is not text: write one value"),
        (format!("max_writes_per_second: -1\n{ENTRY}"), 1, "-1 is not an allowed whole number"),
        (format!("max_writes_per_second: 1.5\n{ENTRY}"), 1, "1.5 is not an allowed whole number"),
        // Booleans.
        (format!("prune: yes\n{ENTRY}"), 1, "\"yes\" is not true or false"),
        (format!("prune: \"true\"\n{ENTRY}"), 1, "\"true\" is text: write true without quotes"),
        (secret("adopt: \"yes\""), 2, "\"yes\" is not true or false"),
        (secret("merge: On"), 2, "\"On\" is not true, false or create: write one of these"),
        (secret("merge: yes"), 2, "\"yes\" is not true, false or create: write one of these"),
        (secret("merge: 'true'"), 2, "\"true\" is text: write true without quotes"),
        (secret("merge: hunter2"), 2, "secret.merge: text is not true, false or create: write one of these"),
        (secret("adopt: maybe"), 2, "\"maybe\" is not true or false: write one of these"),
        (secret("adopt: 'false'"), 2, "\"false\" is text: write false without quotes"),
        (secret("adopt: correct-horse"), 2, "secret.adopt: text is not true or false: write one of these"),
        (format!("prune: maybe\n{ENTRY}"), 1, "prune: \"maybe\" is not true or false: write one of these"),
        (format!("prune: [yes]\n{ENTRY}"), 1, "prune: a list is not true or false: write one of these"),
        (provider("region: eu-west-1, fips: maybe"), 2, "\"maybe\" is not true or false: write one of these"),
        (provider("region: eu-west-1, dual_stack: 3"), 2, "a number is not true or false: write one of these"),
        (secret("merge: 1"), 2, "a number is not true, false or create"),
        (provider("region: eu-west-1, fips: n"), 2, "\"n\" is not true or false"),
        // Keys.
        (provider("region: eu-west-1, access_key_id: AKIA"), 2, "keys of AWS belong in the environment"),
        (provider("region: eu-west-1, aws_secret_access_key: x"), 2, "keys of AWS belong in the environment"),
        (provider("region: eu-west-1, secretAccessKey: x"), 2, "keys of AWS belong in the environment"),
        (secret("type: dockercfg"), 2, "did you mean `format`?"),
        (secret("format: dockercfg"), 2, "\"dockercfg\" is not known; known values: dockerconfigjson"),
        (provider("region: eu-west-1, role: x"), 2, "did you mean `role_arn`?"),
        (provider("region: eu-west-1, account: x"), 2, "did you mean `accounts`?"),
        (format!("cron: '@daily'\n{ENTRY}"), 1, "did you mean `schedule`?"),
        (format!("timezone: UTC\n{ENTRY}"), 1, "did you mean `time_zone`?"),
        (format!("x_common: 1\n{ENTRY}"), 1, "this key is not known"),
        (entry("registries: [foo]"), 2, "did you mean `registry`? Write one entry, or one provider, for each."),
        (entry("hosts: foo"), 2, "did you mean `registry`?"),
        (entry("region: eu-west-1, accounts: 123456789012"), 2, "write them in brackets, such as [\"123456789012\"]"),
        (
            provider("region: eu-west-1, accounts: 123456789012"),
            2,
            "a number is not a list of AWS accounts: write them in brackets",
        ),
        (secret("annotations: { a b: 3 }"), 2, "\"a b\" is not the key of an annotation, such as"),
        (secret("annotations: { '': x }"), 2, "the key of an annotation is missing"),
        (secret("labels: { a b: c }"), 2, "\"a b\" is not the key of a label, such as"),
        // Hosts.
        (
            entry("registry: public.ecr.aws"),
            2,
            "\"public.ecr.aws\" is Amazon ECR Public, whose images need no login: leave this entry out",
        ),
        (entry("registry: 'https://public.ecr.aws/nginx'"), 2, "is Amazon ECR Public, whose images need no login"),
        (entry("registry: 'ecr-public.aws.com:443'"), 2, "is Amazon ECR Public, whose images need no login"),
        // Regions.
        (entry("region: eu-west-9x"), 2, "\"eu-west-9x\" is not an AWS region, such as eu-west-1"),
        (provider("region: eu-west-9x"), 2, "\"eu-west-9x\" is not an AWS region, such as eu-west-1"),
        (entry("region: eu-west-1a"), 2, "is an availability zone, not an AWS region; did you mean eu-west-1?"),
        (entry("region: us-gov-east-1b"), 2, "did you mean us-gov-east-1?"),
        (entry("region: EU-WEST-1"), 2, "did you mean eu-west-1?"),
        (entry("region: Eu-West-1"), 2, "did you mean eu-west-1?"),
        (entry("region: eu_west_1"), 2, "did you mean eu-west-1?"),
        (entry("region: 'eu-west-1 '"), 2, "did you mean eu-west-1?"),
        (entry("region: 'eu west 1'"), 2, "did you mean eu-west-1?"),
        (entry("region: eu-wset-1"), 2, "did you mean eu-west-1?"),
        (provider("region: EU-WEST-1"), 2, "did you mean eu-west-1?"),
        (provider("region: eu-west-1c"), 2, "did you mean eu-west-1?"),
        // Characters that look like others.
        (entry("region: eu\u{2011}west\u{2011}1"), 2, "it contains U+2011 (non-breaking hyphen), which looks like '-'"),
        (entry("region: eu\u{2013}west-1"), 2, "U+2013 (en dash)"),
        (provider("region: eu-w\u{435}st-1"), 2, "U+0435 (Cyrillic ie), which looks like 'e'"),
        ("targets:\n- { namespace: team\u{2010}a, region: eu-west-1 }\n".into(), 2, "U+2010 (hyphen)"),
        ("targets:\n- { namespace: te\u{e4}m, region: eu-west-1 }\n".into(), 2, "it contains '\u{e4}' (U+00E4)"),
        (secret("name: ecr\u{2014}pull"), 2, "U+2014 (em dash)"),
        (format!("instance: m\u{443}\n{ENTRY}"), 1, "U+0443 (Cyrillic u)"),
        (entry("registry: 123456789012.dkr.ecr.eu\u{2011}west-1.amazonaws.com"), 2, "U+2011"),
        (entry("region: eu-west-1, accounts: ['12345678901\u{200b}2']"), 2, "U+200B (zero width space)"),
    ]);
}

#[test]
fn each_path_or_yaml_error_has_its_line_and_its_fix() {
    assert_told(vec![
        // Numbers as Helm prints them.
        (format!("version: 1.0\n{ENTRY}"), 1, "1.0 is not a known version: write 1"),
        (
            entry("region: eu-west-1, accounts: [1.23456789012e+11]"),
            2,
            "as Helm prints large ones: write the twelve digits in quotes",
        ),
        (provider("region: eu-west-1, accounts: [1.23456789012e+11]"), 2, "as Helm prints large ones"),
        // Paths.
        (
            "sinks:\n  a: { type: openshift, kubeconfig: ~/.kube/config }\n".to_owned() + ENTRY,
            2,
            "`~` is not expanded in a config: write the whole path",
        ),
        ("sinks:\n  a: { type: kubernetes, kubeconfig: $HOME/k }\n".to_owned() + ENTRY, 2, "`$` is not expanded"),
        (
            provider(
                "region: eu-west-1, web_identity: { role_arn: 'arn:aws:iam::123456789012:role/a', token_file: ~/t }",
            ),
            2,
            "`~` is not expanded",
        ),
        // Servers.
        (sink("server: foo"), 2, "sinks.b.server: it has no scheme: write the whole URL, such as https://"),
        (sink("server: api.example.com:6443"), 2, "sinks.b.server: it has no scheme"),
        (sink("server: http://api.example.com:6443"), 2, "sinks.b.server: it is neither HTTPS nor on loopback"),
        (sink("server: https://me:hunter2@api.example.com"), 2, "sinks.b.server: it holds a user"),
        (sink("server: https://api.example.com/?x=y"), 2, "sinks.b.server: it has a query or a fragment"),
        (sink("server: ftp://api.example.com"), 2, "sinks.b.server: it is not the URL of an API server"),
        // YAML.
        (format!("{ENTRY}---\n{ENTRY}"), 2, "a second document begins here"),
        ("targets:\n- { namespace: a, region: eu-west-1, region: us-east-1 }\n".into(), 2, "`region` occurs twice"),
        (format!("instance: a\ninstance: b\n{ENTRY}"), 2, "`instance` occurs twice"),
        (format!("hunter2: a\nhunter2: b\n{ENTRY}"), 2, "a key occurs twice in one map, first in line 1"),
        (
            format!("providers:\n  a: {{ type: ecr }}\n  b: {{ type: ecr }}\n  a: {{ type: ecr }}\n{ENTRY}"),
            4,
            "`a` occurs twice in one map, first in line 2: keep one of the two",
        ),
        (format!("providers: {{ a: {{}}, a: {{}} }}\n{ENTRY}"), 1, "`a` occurs twice in one map, first in line 1"),
        (format!("sinks: {{ b: {{}}, b: {{}} }}\n{ENTRY}"), 1, "`b` occurs twice"),
        (format!("providers: {{ a_B: {{}}, a_B: {{}} }}\n{ENTRY}"), 1, "a key occurs twice"),
        (format!("x-a: {{ b: 1, b: 2 }}\n{ENTRY}"), 1, "a key occurs twice"),
        (secret("labels: { team: a, team: b }"), 2, "a key occurs twice"),
        (secret("name: a, name: b"), 2, "`name` occurs twice"),
        (entry("region: *y"), 2, "there is no anchor `y` above this line: put text that begins with `*` in quotes"),
        (entry("region: eu-west-1, <<: *common"), 2, "there is no anchor `common` above this line"),
        (entry("providers: [*y]"), 2, "there is no anchor `y` above this line"),
        (format!("{ENTRY}password: *hunter2\n"), 2, "there is no anchor of this name above this line"),
        ("targets:\n- namespaces: [*dev]\n  region: eu-west-1\n".into(), 2, "put a pattern in quotes"),
        ("targets:\n- namespaces: [*]\n  region: eu-west-1\n".into(), 2, "put a pattern in quotes"),
        ("targets:\n- namespaces: [*-dev]\n  region: eu-west-1\n".into(), 2, "put a pattern in quotes"),
        ("targets:\n- namespaces: [a, *]\n  region: eu-west-1\n".into(), 2, "put a pattern in quotes"),
        ("targets:\n- namespaces:\n  - *\n  region: eu-west-1\n".into(), 3, "put a pattern in quotes"),
        ("targets:\n- namespaces: { include: [*] }\n  region: eu-west-1\n".into(), 2, "put a pattern in quotes"),
        (
            "targets:\n- namespaces: { include: [team-a, *-x] }\n  region: eu-west-1\n".into(),
            2,
            "put a pattern in quotes",
        ),
        ("targets:\n- namespace: a\n region: eu-west-1\n".into(), 3, "the indentation does not fit"),
        ("targets:\n  - namespace: a\n    region: x\n - namespace: b\n".into(), 4, "the indentation does not fit"),
        ("targets:\n- namespace: a\n\tregion: eu-west-1\n".into(), 3, "a tab cannot indent YAML"),
        ("targets: [{ namespace: a, region: eu-west-1 }\n".into(), 1, "a bracket is not closed"),
        ("targets:\n- { namespace: \"a, region: eu-west-1 }\n".into(), 2, "a quote is not closed"),
        ("schedule: @daily\n".to_owned() + ENTRY, 1, "`@` cannot begin a value in YAML: put the value in quotes"),
        ("instance: `a`\n".to_owned() + ENTRY, 1, "put the value in quotes"),
        ("targets: [}\n".into(), 1, "a bracket is closed by one of another kind"),
        ("targets: [{ namespace: a region: b }]\n".into(), 1, "a comma or a closing bracket is missing"),
        ("instance: a: b\n".into(), 1, "a `:` does not fit here"),
        (format!("{ENTRY}foo\n"), 2, "a key needs a `:` and a value"),
        ("- a\n".into(), 0, "it holds a list, and a config is a map of keys"),
        ("hello\n".into(), 0, "it holds text, and a config is a map of keys"),
    ]);
}

/// Asserts that each config is refused with one line for each of these keys, and with no other line.
fn assert_told_at_once(faults: Vec<(String, &[&str])>) {
    for (yaml, keys) in faults {
        let (code, told) = check(&yaml, |_| ());
        let count = |key: &str| told.lines().filter(|line| line.contains(&format!("{key}: "))).count();
        for key in keys {
            let expected = keys.iter().filter(|it| it.ends_with(key)).count();
            assert_eq!((code, count(key)), (2, expected), "{key} of\n{yaml}{told}");
        }
        assert_eq!(told.lines().count(), keys.len(), "{yaml}{told}");
    }
}

#[test]
fn all_errors_of_one_map_are_reported_at_once() {
    let secret =
        "{ name: My_Secret, labels: { \"a b\": c, x: 1, y: 2 }, type: dockercfg, format: dockercfg, adopt: \"yes\" }";
    assert_told_at_once(vec![
        (
            format!("targets:\n- {{ namespace: a, region: eu-west-1, secret: {secret} }}\n"),
            &["secret.name", "secret.labels.a b", "secret.labels.x", "secret.labels.y", "secret.type", "secret.format", "secret.adopt"][..],
        ),
        (format!("defaults: {{ secret: {secret} }}\n{ENTRY}"), &["secret.name", "secret.labels.a b", "secret.labels.x", "secret.labels.y", "secret.type", "secret.format", "secret.adopt"]),
        (
            "targets:\n- { namespace: a, region: eu-west-1, secret: { adopt: \"yes\", nam: x } }\n".into(),
            &["secret.adopt", "secret.nam"],
        ),
        (
            "targets:\n- { namespace: a, region: eu-west-1, secret: { name: , labels: { a: 1 } } }\n".into(),
            &["secret.name", "secret.labels.a"],
        ),
        (
            "targets:\n- { namespace: a, region: eu-west-1, service_accounts: [{ name: A_B }, { name: b, link: [x] }, { nam: c }] }\n".into(),
            &["service_accounts[0].name", "service_accounts[1].link[0]", "service_accounts[2].nam"],
        ),
        (
            "providers:\n  p: { type: ecr, region: EU, accounts: 7, fips: yes, dual_stack: 3, rle_arn: x, access: write }\n\
             targets: [{ namespace: a, providers: [p] }]\n"
                .into(),
            &["p.region", "p.accounts", "p.fips", "p.dual_stack", "p.rle_arn", "p.access"],
        ),
        (
            "providers:\n  p: { type: ecr, region: eu-west-1, role_arn: , principal: , profile: '' }\n\
             targets: [{ namespace: a, providers: [p] }]\n"
                .into(),
            &["p.role_arn", "p.principal", "p.profile"],
        ),
        (
            "providers:\n  p: { type: ecr, region: eu-west-1, web_identity: { role_arn: 1, token_file: ~/t, x: 1 } }\n\
             targets: [{ namespace: a, providers: [p] }]\n"
                .into(),
            &["web_identity.role_arn", "web_identity.token_file", "web_identity.x"],
        ),
        (
            "sinks:\n  s: { type: openshift, kubeconfig: 1, context: [a], servr: x }\n".to_owned() + ENTRY,
            &["s.kubeconfig", "s.context", "s.servr"],
        ),
    ]);
}

#[test]
fn one_error_hides_no_other_error_of_its_map() {
    assert_told_at_once(vec![
        (
            "providers:\n  p: { role_arn: foo, principal: bar, region: EU }\n  q: { robot: x }\nsinks: { s: { server: x } }\n\
             targets: [{ namespace: a, providers: [p] }]\n"
                .into(),
            &["p.type", "p.role_arn", "p.principal", "p.region", "q.type", "s.type", "s.server"],
        ),
        (
            "sinks:\n  A: { type: openshift, kubeconfig: 1, server: x }\n".to_owned() + ENTRY,
            &["sinks.A", "A.kubeconfig", "A.server"],
        ),
        (
            "providers:\n  p: { type: ecr, region: eu-west-1, role_arn: foo, principal: bar, session_name: 'a b', endpoint: 'http://x', \
             profile: '', aliases: [foo] }\n\
             targets: [{ namespace: a, providers: [p] }]\n"
                .into(),
            &["p.role_arn", "p.principal", "p.session_name", "p.endpoint", "p.profile", "p.aliases[0]"],
        ),
        (
            "providers:\n  p: { type: ecr, role_arn: foo, principal: bar, session_name: 'a b', endpoint: 'http://x', web_identity: {}, \
             identity: root, aliases: [foo, fips, bar], programs: [sh] }\n\
             targets: [{ namespace: a, providers: [p] }]\n"
                .into(),
            &[
                "p.region",
                "p.role_arn",
                "p.principal",
                "p.session_name",
                "p.endpoint",
                "p.web_identity.role_arn",
                "p.web_identity.token_file",
                "p.identity",
                "p.identity", // `identity` conflicts with the other identities
                "p.aliases[0]",
                "p.aliases[2]",
                "p.programs",
            ],
        ),
        (
            "providers:\n  P: { type: ecr, region: xx-west-1, accounts: [1, 2], external_id: x, fips: true, endpoint: 'http://x' }\n\
             targets: [{ namespace: A, region: xx-west-1 }]\n"
                .into(),
            &[
                "providers.P",
                "P.region",
                "P.accounts[0]",
                "P.accounts[1]",
                "P.external_id",
                "P.fips",
                "P.endpoint",
                "targets[0].namespace",
                "targets[0].region",
            ],
        ),
        (
            "providers:\n  p: { type: ecr, role_arn: 'arn:aws-cn:iam::123456789012:role/x', aliases: [dualstack], session_name: ok }\n\
             targets: [{ namespace: a, providers: [p] }]\n"
                .into(),
            &["p.region"],
        ),
        (
            "providers:\n  p: { type: ecr, region: eu-west-1, rle_arn: x, session_name: ok, external_id: y }\n\
             targets: [{ namespace: a, providers: [p] }]\n"
                .into(),
            &["p.rle_arn"],
        ),
        (
            "targets:\n- { namespace: A, region: EU, registry: foo, providers: pull }\n".into(),
            &["[0].namespace", "[0].region", "[0].region", "[0].registry", "[0].registry", "[0].providers"],
        ),
        (
            "targets:\n- { namespace: A, registry: 123456789012.dkr.ecr.xx-west-1.amazonaws.com }\n".into(),
            &["[0].namespace", "[0].registry"],
        ),
        (
            "targets:\n- { namespace: a, region: eu-west-1, secret: { annotations: { \"a b\": 3 } } }\n".into(),
            &["secret.annotations.a b", "secret.annotations.a b"],
        ),
        (
            "providers: { a: {}, a: {} }\nsinks: { b: {}, b: {}, b: {} }\n".to_owned() + ENTRY,
            &[
                "`a` occurs twice in one map, first in line 1",
                "`b` occurs twice in one map, first in line 2",
                "`b` occurs twice in one map, first in line 2",
            ],
        ),
        (
            "version: 2\nresync: 5\nprune: no\nmax_writes_per_second: x\ninstance: A\n".to_owned() + ENTRY,
            &["version", "resync", "prune", "max_writes_per_second", "instance"],
        ),
    ]);
}

/// Returns a config with these keys in one of its maps.
type Map = fn(&str) -> String;

#[test]
fn each_pair_of_errors_in_a_map_is_reported_at_once() {
    let provider = |keys: &str| format!("providers:\n  p: {{ type: ecr, {keys} }}\n{ENTRY}");
    let target = |keys: &str| format!("targets:\n- {{ {keys} }}\n");
    let maps: [(Map, &[&str]); 4] = [
        (
            provider,
            &[
                "region: EU",
                "accounts: [1]",
                "aliases: foo",
                "profile: ''",
                "web_identity: {}",
                "identity: root",
                "programs: [sh]",
                "role_arn: foo",
                "external_id: 7",
                "session_name: 'a b'",
                "principal: bar",
                "endpoint: 'http://x'",
                "fips: maybe",
                "dual_stack: 3",
                "access: write",
                "rol: x",
            ],
        ),
        (
            target,
            &[
                "namespace: A",
                "namespaces: [B]",
                "region: EU",
                "registry: foo",
                "accounts: [1]",
                "providers: pull",
                "sink: 7",
                "secret: x",
                "service_accounts: 7",
                "regoin: x",
            ],
        ),
        (
            secret,
            &[
                "name: A",
                "merge: maybe",
                "adopt: maybe",
                "format: x",
                "credentials: x",
                "labels: { a b: c }",
                "annotations: 7",
                "nam: x",
            ],
        ),
        (sink, &["kubeconfig: ~/x", "context: ''", "server: foo", "servr: x"]),
    ];
    for (map, faults) in maps {
        for (place, one) in faults.iter().enumerate() {
            for other in &faults[place + 1..] {
                let yaml = map(&format!("{one}, {other}"));
                let (code, told) = check(&yaml, |_| ());
                for fault in [one, other] {
                    let key = fault.split(':').next().expect("a key");
                    let is_told = told.contains(&format!(".{key}: "))
                        || told.contains(&format!(".{key}["))
                        || told.contains(&format!(".{key}."));
                    assert!(code == 2 && is_told, "{key}: {yaml}{told}");
                }
            }
        }
    }
}

#[test]
fn an_invalid_value_from_the_environment_names_its_variable() {
    for (name, value, expected) in [
        ("REGCRED__TARGETS__0__REGION", "EU-WEST-1", "environment REGCRED__TARGETS__0__REGION: targets[0].region: "),
        (
            "REGCRED__TARGETS__0__NAMESPACE",
            "Team",
            "environment REGCRED__TARGETS__0__NAMESPACE: targets[0].namespace: ",
        ),
        (
            "REGCRED__TARGETS__0__SECRET__NAME",
            "A_B",
            "environment REGCRED__TARGETS__0__SECRET__NAME: targets[0].secret.name: ",
        ),
        ("REGCRED__TARGETS__7__REGION", "x", "environment REGCRED__TARGETS__7__REGION: `targets` is a list of 1"),
        ("REGCRED__TARGETS__FIRST__REGION", "x", "environment REGCRED__TARGETS__FIRST__REGION: `targets` is a list"),
        ("REGCRED__TARGETS", "[]", "environment REGCRED__TARGETS: targets: no target is named"),
        ("REGCRED__TARGETS", "[{ namespace: Team }]", "environment REGCRED__TARGETS: targets[0].namespace: "),
        ("REGCRED__SCHEDULE", "61 * * * *", "environment REGCRED__SCHEDULE: schedule: "),
        ("REGCRED__PRUNE", "yes", "environment REGCRED__PRUNE: prune: \"yes\" is not true or false"),
        ("REGCRED__RESYNC", "5", "environment REGCRED__RESYNC: resync: "),
        ("REGCRED__PROVIDERS__P__TYPE", "[]", "environment REGCRED__PROVIDERS__P__TYPE: providers.p.type: "),
        (
            "REGCRED__DEFAULTS__SECRET__NAME",
            "A_B",
            "environment REGCRED__DEFAULTS__SECRET__NAME: defaults.secret.name: ",
        ),
    ] {
        let (code, told) = check(ENTRY, |command| {
            command.env(name, value);
        });
        assert!(code == 2 && told.contains(expected), "{name}={value}: {told}");
    }
    let (code, told) = check(ENTRY, |command| {
        command.env("REGCRED__TARGETS__0__REGION", "us-east-1");
    });
    assert_eq!((code, told.as_str()), (0, ""));
    let (code, told) = check(ENTRY, |command| {
        command.env("REGCRED_SCHEDULE", "@hourly");
    });
    assert!(code == 0 && told.contains("warning: environment REGCRED_SCHEDULE: regcred does not read it"), "{told}");
}

#[test]
fn a_schedule_that_lets_tokens_expire_is_refused_by_every_command() {
    let entry = |schedule: &str| format!("schedule: \"{schedule}\"\n{ENTRY}");
    for slow in [
        "@daily",
        "@midnight",
        "@weekly",
        "@monthly",
        "@yearly",
        "0 3 * * *",
        "0 */11 * * *",
        "0 6-18 * * *",
        "*/5 8 * * *",
        "0 * * * mon-fri",
        "0 0,12 * * *",
    ] {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::write(dir.path().join("c.yaml"), entry(slow)).expect("it can be written");
        for line in
            ["check", "check --online", "manifests", "manifests --mode daemon", "once", "plan", "status", "run", "next"]
        {
            let mut command = regcred(&line.split(' ').collect::<Vec<_>>());
            let (code, _, told) = run(command.args(["-f", "c.yaml"]).current_dir(dir.path()));
            let expected = "and a credential of type ecr lives for 12 hours: run it at least every 10 hours";
            assert!(
                code == 2 && told.starts_with("error: c.yaml:1: schedule: ") && told.contains(expected),
                "{slow} {line}: {told}"
            );
        }
        let (code, told) = check(ENTRY, |command| {
            command.args(["--schedule", slow]);
        });
        assert!(code == 2 && told.contains("command line: schedule: "), "{slow}: {told}");
    }
    for fine in ["@hourly", "*/15 * * * *", "0 */8 * * *", "0 */10 * * *", "17 1,9,17 * * *"] {
        assert_eq!(check(&entry(fine), |_| ()).0, 0, "{fine}");
    }
}

#[test]
fn invalid_durations_on_the_command_line_get_an_example() {
    for (line, bad) in [
        ("status --timeout", "1d"),
        ("status --timeout", "4"),
        ("status --within", "4"),
        ("status --within", "1 week"),
        ("once --timeout", "5m ago"),
        ("once --timeout", "P1D"),
        ("plan --timeout", "0s"),
        ("check --online --timeout", "soon"),
        ("init --timeout", "1y"),
        ("next @hourly --life", "1d"),
        ("next @hourly --life", "12"),
    ] {
        let mut command = regcred(&line.split(' ').collect::<Vec<_>>());
        let (code, _, told) = run(command.arg(bad));
        assert!(code == 2 && told.contains("it is not a time such as 90s, 10m or 2h"), "{line} {bad}: {told}");
        for word in JARGON {
            assert!(!told.contains(word), "{word}: {told}");
        }
    }
}

#[test]
fn keys_that_begin_with_x_may_hold_yaml_anchors() {
    for yaml in [
        "x-common: &c { region: eu-west-1 }\ntargets:\n- { namespace: a, <<: *c }\n- { namespace: b, <<: *c }\n",
        "x-links: &l [{ name: default }]\ntargets: [{ namespace: a, region: eu-west-1, service_accounts: *l }]\n",
        "x-a: 1\nx-b: [x]\nx-: { y: z }\ntargets: [{ namespace: a, region: eu-west-1 }]\n",
    ] {
        assert_eq!(check(yaml, |_| ()), (0, String::new()), "{yaml}");
    }
    assert_eq!(check("x-only: 1\n", |_| ()).0, 2);
}
