//! Renders commands, ready to paste, that stop the jobs that write Secrets. It does no IO.

use std::collections::BTreeMap;

use crate::{
    alike::named,
    comment::{comment, quoted},
    discover::{Discovery, Job},
};

/// Limit on the namespaces in one command, if a shorter command exists.
const LOOPED: usize = 8;

/// Running jobs with the same name.
#[derive(Debug)]
pub struct Stop<'a> {
    name: &'a str,
    namespaces: Vec<&'a str>,
    /// Whether no other job has that name. The command can then ask the cluster for the namespaces.
    are_all: bool,
}

/// Groups the jobs that are not suspended by name.
pub(crate) fn stops<'a>(jobs: &[&'a Job], discovery: &Discovery) -> Vec<Stop<'a>> {
    let mut by_name = BTreeMap::<&str, Vec<&Job>>::new();
    for job in jobs.iter().filter(|it| !it.is_suspended) {
        by_name.entry(&job.at.name).or_default().push(job);
    }
    let stop = |(name, jobs): (&'a str, Vec<&'a Job>)| {
        let alike = discovery.jobs.iter().filter(|it| it.at.name == name && !it.is_suspended).count();
        let are_all = discovery.is_whole && alike == jobs.len() && jobs.iter().all(|it| it.is_by_name);
        Stop { name, namespaces: jobs.iter().map(|it| it.at.namespace.as_str()).collect(), are_all }
    };
    by_name.into_iter().map(stop).collect()
}

impl Stop<'_> {
    /// Returns comment lines with the command, after these words.
    pub(crate) fn instructions(&self, lead: &str) -> String {
        let Self { name, namespaces, are_all } = self;
        let is_plain = is_plain(name) && namespaces.iter().all(|it| is_plain(it));
        if !is_plain {
            let quoted = named(&namespaces.iter().map(|it| format!("{it:?}")).collect::<Vec<_>>());
            return comment(2, &format!("{lead}: suspend the CronJob {name:?} in {quoted}"));
        }
        match namespaces[..] {
            [namespace] => comment(2, &format!("{lead}:")) + &quoted(2, &command(name, namespace)),
            _ if namespaces.len() > LOOPED && *are_all => {
                let count = namespaces.len();
                let places = format!(
                    "$(kubectl get cronjobs --all-namespaces --field-selector metadata.name={name} \
                     --output jsonpath='{{.items[*].metadata.namespace}}')"
                );
                comment(2, &format!("{lead}, in each of the {count} namespaces that have it:"))
                    + &quoted(2, &each(&places, name))
            }
            _ => comment(2, &format!("{lead}:")) + &quoted(2, &each(&namespaces.join(" "), name)),
        }
    }
}

/// Returns the command that suspends a job. If a shell would misread its name, returns a description instead.
pub(crate) fn suspend(job: &Job) -> String {
    let (name, namespace) = (&job.at.name, &job.at.namespace);
    if is_plain(name) && is_plain(namespace) {
        command(name, namespace)
    } else {
        format!("suspend the CronJob {name:?} in {namespace:?}")
    }
}

fn each(places: &str, name: &str) -> String {
    format!("for it in {places}; do {}; done", command(name, "$it"))
}

fn command(name: &str, namespace: &str) -> String {
    let patch = r#"'{"spec":{"suspend":true}}'"#;
    format!("kubectl patch cronjob {name} --namespace {namespace} --type merge --patch {patch}")
}

/// Returns whether a shell reads the text literally.
fn is_plain(name: &str) -> bool {
    let plain = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'.');
    !name.is_empty() && !name.starts_with('-') && name.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discover::Address;

    fn jobs(name: &str, count: usize, is_by_name: bool) -> Vec<Job> {
        let job = |number| Job {
            at: Address { namespace: format!("n{number}"), name: name.to_owned() },
            tool: None,
            schedule: String::new(),
            is_suspended: false,
            is_by_name,
        };
        (0..count).map(job).collect()
    }

    /// Returns the command for all jobs except the last `spared` ones.
    fn command_of(found: Vec<Job>, spared: usize, is_whole: bool) -> String {
        let discovery = Discovery { jobs: found, is_whole, ..Discovery::default() };
        let written = discovery.jobs[..discovery.jobs.len() - spared].iter().collect::<Vec<_>>();
        let stops = stops(&written, &discovery);
        assert_eq!(stops.len(), 1);
        stops[0].instructions("stop first").lines().last().expect("a line").trim_start_matches([' ', '#']).to_owned()
    }

    #[test]
    fn the_stop_command_queries_the_cluster_only_if_no_other_job_has_that_name() {
        let asks = |it: &str| it.starts_with("for it in $(kubectl get cronjobs --all-namespaces ");
        let names = |it: &str| it.starts_with("for it in n0 n1 n2 n3 n4 n5 n6 n7 n8");
        assert!(asks(&command_of(jobs("ecr-token", 9, true), 0, true)));
        assert!(names(&command_of(jobs("ecr-token", 8, true), 0, true).replace("n7;", "n7 n8;")), "few are named");
        assert!(names(&command_of(jobs("ecr-token", 10, true), 1, true)), "one writes something else");
        assert!(names(&command_of(jobs("nightly", 9, false), 0, true)), "others may have that name");
        assert!(names(&command_of(jobs("ecr-token", 9, true), 0, false)), "others may be elsewhere");
        assert!(command_of(jobs("a'b", 9, true), 0, true).ends_with("in \"n0\", \"n1\", \"n2\" and 6 more"));
    }
}
