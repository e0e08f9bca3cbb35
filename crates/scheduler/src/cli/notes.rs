//! The text below the flags in the help of each command: examples, then facts that no flag describes.

pub(super) const INIT: &str = "Examples:
  $ regcred init > regcred.yaml
  $ regcred init --namespace 'team-*' --context edge

regcred prints the config on standard output, and its findings on standard error.
It needs the rights to list secrets, serviceaccounts, and cronjobs (of group batch) in the cluster or in the named namespaces.
Without the right to list serviceaccounts or cronjobs, it reports the rest.
regcred finds long-lived keys by the names of the keys in a Secret. It does not read their values.

Exit codes:
  0  the search was complete
  1  something could not be listed, and regcred reports it
  2  a person has to act: usage or permission
  3  the cluster could not be reached";

pub(super) const RUN: &str = "Examples:
  $ regcred run --config regcred.yaml --listen :8080
  $ regcred run --config regcred.yaml --lease regcred/regcred

Signals:
  TERM, INT  finish the writes that have begun, and exit
  HUP        read the config again. Changed files are read without a signal
  USR1       mint new credentials, and write every target

Exit codes:
  0  a signal ended it
  2  a person has to act: config or usage; or leader election has stopped";

pub(super) const ONCE: &str = "Examples:
  $ regcred once
  $ regcred once --namespace team-a --force --output json

Exit codes:
  0  every target is fresh, or its namespace does not exist, or it waits for a ServiceAccount
  1  some targets failed, have another owner, or are contested. With --strict also if a named namespace does not exist, or if there
     is no target
  2  a person has to act before anything can work: config, usage or permission
  3  nothing was done: a provider or the cluster could not be reached";

pub(super) const PLAN: &str = "Examples:
  $ regcred plan --changes
  $ regcred plan --namespace 'team-*' --detailed-exitcode

Exit codes:
  0   a plan was made. With --detailed-exitcode: nothing would change
  1   some targets cannot be read, or have another owner. With --strict also if a named namespace does not exist, or if there is no
      target
  2   a person has to act before anything can work: config, usage or permission
  3   nothing was read: the cluster could not be reached
  10  with --detailed-exitcode: something would change";

pub(super) const STATUS: &str = "Examples:
  $ regcred status --watch
  $ regcred status --state missing,expired --output wide

Exit codes:
  0  every shown target works, or its namespace does not exist
  1  some targets are expired, missing, incomplete, failed, refused, foreign or edited. With --strict also if a named namespace does
     not exist, or if there is no target
  2  a person has to act before anything can work: config, usage or permission
  3  nothing was read: the cluster could not be reached";

pub(super) const CHECK: &str = "Examples:
  $ regcred check --show
  $ regcred check --online --strict

Exit codes:
  0  the config is valid. With --online: a pass would find what it needs
  1  with --online --strict: there is a warning
  2  a person has to act: config, usage, identity or permission
  3  with --online: a provider or the cluster could not be reached";

pub(super) const NEXT: &str = "Examples:
  $ regcred next --online
  $ regcred next '30 3,15 * * *' --time-zone Europe/Berlin --count 3";

pub(super) const MANIFESTS: &str = "Examples:
  $ regcred manifests --identity pod-identity | kubectl apply --server-side --filename -
  $ regcred manifests --mode iam --identity pod-identity

regcred prints the objects on standard output, for `kubectl apply --filename -`, and the remaining steps on standard error.
It sends no request to a cluster.";

pub(super) const CLEANUP: &str = "Examples:
  $ regcred cleanup
  $ regcred cleanup --instance blue --namespace team-a --yes

You need the rights to list secrets, serviceaccounts, deployments, jobs and cronjobs, to get and patch serviceaccounts, and to
delete secrets. regcred leaves a Secret alone if another owner keeps data in it too.
If a Secret belongs to another owner, regcred removes its own entries only, and leaves the links.

Exit codes:
  0  nothing is left, or, without --yes, the list was printed
  1  some could not be removed
  2  a person has to act: the installation still runs, usage or permission
  3  nothing was done: the cluster could not be reached";

pub(super) const SCHEMA: &str = "Examples:
  $ regcred schema > regcred.schema.json
  $ regcred schema --pod > pod.schema.json";

pub(super) const EXPLAIN: &str = "Examples:
  $ regcred explain RC0301
  $ regcred explain --output json";

pub(super) const COMPLETIONS: &str = "Examples:
  $ source <(regcred completions bash)
  $ regcred completions fish > ~/.config/fish/completions/regcred.fish";

pub(super) const MAN: &str = "Examples:
  $ regcred man ~/.local/share/man/man1
  $ regcred man /usr/local/share/man/man1";

pub(super) const VERSION: &str = "Examples:
  $ regcred version
  $ regcred version --output json";

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use crate::cli::args::Args;

    #[test]
    fn each_command_has_two_valid_examples() {
        for command in Args::command().get_subcommands() {
            let notes = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let examples = notes.lines().filter_map(|line| line.strip_prefix("  $ ")).collect::<Vec<_>>();
            assert_eq!(examples.len(), 2, "{}", command.get_name());
            for example in examples {
                let line = &example[example.find("regcred").expect(example)..];
                let line = line.split(['|', '>', ')']).next().unwrap_or_default();
                let words = line.split_whitespace().map(|word| word.trim_matches('\''));
                // This is the only example with blanks in quotes.
                let words = if line.contains("* *'") {
                    let (before, rest) = line.split_once('\'').expect(example);
                    let (quoted, after) = rest.split_once('\'').expect(example);
                    before.split_whitespace().chain([quoted]).chain(after.split_whitespace()).collect::<Vec<_>>()
                } else {
                    words.collect()
                };
                if let Err(error) = Args::try_parse_from(&words) {
                    panic!("{example}: {error}");
                }
            }
        }
    }
}
