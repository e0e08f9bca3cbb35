//! Programs that print credentials: `credential_process` of a profile.

use std::{env, io, process::Stdio, time::Duration};

use aws_credential_types::Credentials;
use aws_smithy_types::{DateTime, date_time::Format};
use regcred_core::{Code, Error, Result};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;
use tokio::{
    io::AsyncReadExt,
    process::{Child, Command},
    time::timeout,
};

use crate::codes;

/// A program that calls an identity provider takes a few seconds.
const DEADLINE: Duration = Duration::from_secs(15);
/// A real answer has about 1 kB.
const LONGEST_OUTPUT: u64 = 64 * 1024;
/// Set in every pod.
const POD: &str = "KUBERNETES_SERVICE_HOST";

/// The programs that a profile may run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Programs(pub(crate) Vec<String>);

impl Programs {
    /// Fails with [`ErrorKind::Invalid`](regcred_core::ErrorKind::Invalid) for a program without an absolute path,
    /// because `PATH` cannot be trusted.
    pub(crate) fn check(&self) -> Result<()> {
        let Some(relative) = self.0.iter().find(|program| !program.starts_with('/')) else { return Ok(()) };
        Err(Error::new(
            &codes::PROCESS,
            format!("{relative:?} is not an absolute path, such as /usr/local/bin/aws_signing_helper"),
        ))
    }

    /// Fails if a program may not run. In a pod, only programs of the config may run: the author of the AWS profile may
    /// not be the operator of the pod.
    fn allow(&self, program: &str) -> Result<()> {
        let in_pod = env::var_os(POD).is_some_and(|host| !host.is_empty());
        if self.0.iter().any(|it| it == program) || (self.0.is_empty() && !in_pod) {
            return Ok(());
        }
        let why = if self.0.is_empty() {
            "a pod runs no program that a profile names"
        } else {
            "the config allows only other programs"
        };
        let cause = format!("{why}, so add its absolute path to `programs` of the provider");
        Err(Error::new(&codes::PROCESS, format!("cannot run {program}")).with_cause(cause))
    }
}

/// Runs the command line of a profile and returns the credentials that it prints. The words are split as the AWS CLI
/// splits them, without a shell. The output is never shown.
pub(crate) async fn credentials(command: &str, profile: &str, programs: &Programs) -> Result<Credentials> {
    let failed = |code: &'static Code, cause: String| {
        Error::new(code, format!("cannot use the credential_process of the AWS profile {profile:?}")).with_cause(cause)
    };
    let invalid = |cause: &str| failed(&codes::PROCESS, cause.into());
    let words = shlex::split(command).ok_or_else(|| invalid("a quote in its command is not closed"))?;
    let Some((program, arguments)) = words.split_first() else { return Err(invalid("its command is empty")) };
    programs.allow(program).map_err(|error| invalid(&error.chain()))?;
    let Ok(output) = timeout(DEADLINE, run(program, arguments)).await else {
        let cause = format!("{program} did not end within {} s, so regcred killed it", DEADLINE.as_secs());
        return Err(failed(&codes::PROCESS_TIMEOUT, cause));
    };
    let output = output.map_err(|error| failed(error.code(), error.chain()))?;
    parse(&output).map_err(|why| failed(&codes::PROCESS, format!("{program} {why}")))
}

async fn run(program: &str, arguments: &[String]) -> Result<Vec<u8>> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let failed = |code: &'static Code, cause: String| Error::new(code, cause);
    let child = command.process_group(0).kill_on_drop(true).spawn();
    let child = child.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => failed(&codes::PROCESS, format!("{program} is not installed")),
        kind => failed(&codes::PROCESS, format!("{program} cannot be started ({kind})")),
    })?;
    let mut group = Group(child);
    let mut output = vec![];
    if let Some(stdout) = group.0.stdout.take() {
        let read = stdout.take(LONGEST_OUTPUT + 1).read_to_end(&mut output).await;
        read.map_err(|error| failed(&codes::PROCESS_TIMEOUT, format!("its output cannot be read ({})", error.kind())))?;
    }
    if output.len() as u64 > LONGEST_OUTPUT {
        return Err(failed(&codes::PROCESS, format!("{program} printed more than 64 KiB")));
    }
    let status = group.0.wait().await;
    match status {
        Ok(status) if status.success() => Ok(output),
        Ok(status) => Err(failed(&codes::PROCESS_FAILED, format!("{program} ended with {status}"))),
        Err(error) => Err(failed(&codes::PROCESS_TIMEOUT, format!("the wait for {program} failed ({})", error.kind()))),
    }
}

/// A program and its child processes. All of them are killed on drop.
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        // Without an id the program has ended, and the id may belong to another process.
        let id = self.0.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(id) = id {
            let _ = kill_process_group(id, Signal::KILL);
        }
    }
}

/// Parses the output of a program. The error describes what is wrong with it.
pub(crate) fn parse(output: &[u8]) -> Result<Credentials, String> {
    let answer =
        serde_json::from_slice::<Value>(output).map_err(|_| "printed something that is not JSON".to_owned())?;
    if answer["Version"].as_u64() != Some(1) {
        return Err("printed no \"Version\": 1".into());
    }
    let text = |key: &str| answer[key].as_str().map(str::trim).filter(|it| !it.is_empty());
    let needed = |key: &str| text(key).ok_or_else(|| format!("printed no {key}"));
    let mut keys = Credentials::builder()
        .access_key_id(needed("AccessKeyId")?)
        .secret_access_key(needed("SecretAccessKey")?)
        .provider_name("credential_process");
    keys.set_session_token(text("SessionToken").map(str::to_owned));
    if let Some(end) = text("Expiration") {
        let end = DateTime::from_str(end, Format::DateTimeWithOffset).ok().and_then(|end| end.try_into().ok());
        keys.set_expiry(Some(end.ok_or("printed an Expiration that is not a time of RFC 3339")?));
    }
    Ok(keys.build())
}

#[cfg(test)]
mod tests {
    use std::{io::Read as _, time::Instant};

    use regcred_core::ErrorKind;

    use super::*;

    const GOOD: &str = r#"{"Version":1,"AccessKeyId":"AKIA","SecretAccessKey":"x","SessionToken":"y","Expiration":"2030-01-01T00:00:00Z"}"#;

    async fn shell(script: &str) -> Result<Credentials> {
        credentials(&format!("sh -c '{script}'"), "x", &Programs::default()).await
    }

    #[tokio::test]
    async fn the_output_of_a_program_is_parsed_and_errors_do_not_quote_it() {
        let keys = shell(&format!("echo canary >&2; echo {}", GOOD.replace('"', "\\\""))).await.expect("it is good");
        assert_eq!((keys.access_key_id(), keys.session_token()), ("AKIA", Some("y")));
        assert!(keys.expiry().is_some());
        let cases = [
            ("echo canary", ErrorKind::Invalid, "sh printed something that is not JSON"),
            ("true", ErrorKind::Invalid, "sh printed something that is not JSON"),
            ("echo canary; echo canary >&2; exit 255", ErrorKind::Denied, "sh ended with exit status: 255"),
            ("echo canary >&2; kill -9 $$", ErrorKind::Denied, "sh ended with signal: 9"),
            ("echo {}", ErrorKind::Invalid, "sh printed no \"Version\": 1"),
            ("echo []", ErrorKind::Invalid, "sh printed no \"Version\": 1"),
            ("echo {\\\"Version\\\":2}", ErrorKind::Invalid, "sh printed no \"Version\": 1"),
            ("echo {\\\"Version\\\":1}", ErrorKind::Invalid, "sh printed no AccessKeyId"),
            (
                "echo {\\\"Version\\\":1,\\\"AccessKeyId\\\":\\\"canary\\\"}",
                ErrorKind::Invalid,
                "sh printed no SecretAccessKey",
            ),
            ("yes canary", ErrorKind::Invalid, "sh printed more than 64 KiB"),
            ("printf \"\\\\377canary\"", ErrorKind::Invalid, "sh printed something that is not JSON"),
        ];
        for (script, kind, why) in cases {
            let error = shell(script).await.expect_err(script);
            let said = error.chain();
            assert_eq!(error.kind(), kind, "{said}");
            assert!(
                said.starts_with("cannot use the credential_process of the AWS profile \"x\": ") && said.contains(why),
                "{said}"
            );
            assert!(!said.contains("canary"), "{said}");
        }
        let command = |command: &'static str| async move { credentials(command, "x", &Programs::default()).await };
        let error = command("/nonexistent/program --token canary").await.expect_err("it does not exist");
        assert!(error.chain().ends_with("/nonexistent/program is not installed"), "{error:?}");
        let error = command("sh -c 'canary").await.expect_err("a quote is open");
        assert!(error.chain().ends_with("a quote in its command is not closed"), "{error:?}");
        command("  ").await.expect_err("there is no word");
    }

    #[test]
    fn an_expiration_must_be_an_rfc_3339_time() {
        let with = |end: &str| parse(GOOD.replace("2030-01-01T00:00:00Z", end).as_bytes());
        for good in ["2030-01-01T00:00:00Z", "2030-01-01T02:00:00+02:00", "2030-01-01T00:00:00.123Z"] {
            assert!(with(good).expect(good).expiry().is_some());
        }
        assert!(with("").expect("it is none").expiry().is_none());
        for bad in ["tomorrow", "2030", "1893456000", "99999999999999-01-01T00:00:00Z"] {
            assert!(with(bad).expect_err(bad).contains("RFC 3339"));
        }
    }

    #[tokio::test]
    async fn a_cancelled_program_is_killed_with_its_children() {
        let dir = tempfile::tempdir().expect("a folder");
        let (started, fifo) = (dir.path().join("started"), dir.path().join("fifo"));
        let made = std::process::Command::new("mkfifo").args([&started, &fifo]).status().expect("it runs");
        assert!(made.success());
        // The child holds the pipe open for writing. Reading from it ends once the child is gone.
        let script = format!("(exec 3>{0}; echo > {1}; sleep 1000) & wait", fifo.display(), started.display());
        let running = tokio::spawn(async move { shell(&script).await.map(drop) });
        let reading = std::thread::spawn(move || {
            let mut fifo = std::fs::File::open(fifo)?;
            fifo.read_to_end(&mut vec![])
        });
        tokio::fs::read(&started).await.expect("it says so");
        let before = Instant::now();
        running.abort();
        let read = tokio::task::spawn_blocking(move || reading.join()).await.expect("it runs");
        read.expect("no panic").expect("it ends");
        assert!(before.elapsed() < Duration::from_mins(1));
    }

    #[test]
    fn only_listed_programs_with_absolute_paths_are_allowed() {
        let programs = Programs(vec!["/usr/local/bin/helper".into()]);
        programs.check().expect("it is absolute");
        programs.allow("/usr/local/bin/helper").expect("it is listed");
        for other in ["helper", "/usr/local/bin/helper2", "/bin/sh", "/usr/local/bin/../bin/helper", ""] {
            let error = programs.allow(other).expect_err(other);
            assert!(error.chain().contains("`programs`"), "{error:?}");
        }
        Programs(vec!["helper".into()]).check().expect_err("it is relative");
    }
}
