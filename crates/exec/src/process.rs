//! Runs a program within limits: its time, its output, and the processes that it starts.

use std::{
    io,
    process::{ExitStatus, Stdio},
};

use regcred_core::{ExposeSecret as _, SecretBytes};
use rustix::{
    io::retry_on_intr,
    process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::{Child, ChildStdin, ChildStdout, Command},
    task::spawn_blocking,
    try_join,
};

use crate::{codes, fault::Fault, program::Program};

/// A real answer has a few kilobytes.
const LONGEST_OUTPUT: u64 = 64 * 1024;

/// A program that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    /// The whole standard output.
    pub(crate) output: SecretBytes,
}

impl Ended {
    /// Returns the fault of a program that ended with an error.
    pub(crate) fn failure(&self) -> Fault {
        Fault::new(&codes::FAILED, format!("it ended with {}", self.status))
    }

    /// Returns a program that has ended with this exit code and this output.
    #[cfg(test)]
    pub(crate) fn of(exit: i32, output: &str) -> Self {
        use std::os::unix::process::ExitStatusExt as _;

        Self { status: ExitStatus::from_raw(exit << 8), output: output.as_bytes().to_vec().into() }
    }
}

/// Runs a program with this standard input, and returns when it has ended. Every process of its group is killed then,
/// and also if the future is dropped. The caller limits the time.
pub(crate) async fn run(program: &Program, arguments: &[&str], input: &str) -> Result<Ended, Fault> {
    let (mut group, stdin, stdout) = Group::start(program, arguments)?;
    let ((), output, ()) = try_join!(write(stdin, input), read(stdout), group.ends())?;
    let status = group.0.wait().await;
    let status = status.map_err(|error| unreachable(format!("the wait for it failed ({})", error.kind())))?;
    Ok(Ended { status, output })
}

/// Writes the standard input and closes it. A program may end without reading it.
async fn write(stdin: Option<ChildStdin>, input: &str) -> Result<(), Fault> {
    if let Some(mut stdin) = stdin {
        let _ = stdin.write_all(input.as_bytes()).await;
    }
    Ok(())
}

/// Reads the whole standard output, and fails as soon as there is too much of it.
async fn read(stdout: Option<ChildStdout>) -> Result<SecretBytes, Fault> {
    let mut output = vec![];
    let unreadable = |error: io::Error| unreachable(format!("its output cannot be read ({})", error.kind()));
    if let Some(stdout) = stdout {
        stdout.take(LONGEST_OUTPUT + 1).read_to_end(&mut output).await.map_err(unreadable)?;
    }
    let output = SecretBytes::from(output);
    if output.expose_secret().len() as u64 > LONGEST_OUTPUT {
        return Err(Fault::new(&codes::OUTPUT, "it printed more than 64 KiB"));
    }
    Ok(output)
}

/// A program and its child processes. All of them are killed on drop.
struct Group(Child);

impl Group {
    fn start(program: &Program, arguments: &[&str]) -> Result<(Self, Option<ChildStdin>, Option<ChildStdout>), Fault> {
        let mut command = Command::new(&program.path);
        command.args(&program.arguments).args(arguments);
        command.env_clear().envs(&program.environment);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.process_group(0).kill_on_drop(true).spawn().map_err(|error| not_started(&error))?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        Ok((Self(child), stdin, stdout))
    }

    /// Waits until the program ends, and kills the child processes that it left behind. They would hold its standard
    /// output open.
    ///
    /// The program stays a zombie, so that no other process gets its id before the kill.
    async fn ends(&self) -> Result<(), Fault> {
        if let Some(id) = self.id() {
            let wait = move || retry_on_intr(|| waitid(WaitId::Pid(id), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT));
            // If the wait fails, so does the one of the caller, which reports it.
            let _ = spawn_blocking(wait).await;
        }
        self.kill();
        Ok(())
    }

    /// Returns the id of the group. `None`: the program was waited for, and its id may belong to another process.
    fn id(&self) -> Option<Pid> {
        self.0.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw)
    }

    fn kill(&self) {
        if let Some(id) = self.id() {
            let _ = kill_process_group(id, Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Returns the fault of a program that the system did not start.
fn not_started(error: &io::Error) -> Fault {
    match error.kind() {
        io::ErrorKind::NotFound => {
            Fault::new(&codes::NOT_INSTALLED, "its file, its interpreter or its C library is not installed")
        }
        io::ErrorKind::PermissionDenied => {
            Fault::new(&codes::NOT_EXECUTABLE, "the system does not allow to execute it")
        }
        _ if error.raw_os_error() == Some(rustix::io::Errno::NOEXEC.raw_os_error()) => {
            Fault::new(&codes::NOT_EXECUTABLE, "it is not a program for this machine")
        }
        kind => unreachable(format!("it cannot be started ({kind})")),
    }
}

fn unreachable(reason: String) -> Fault {
    Fault::new(&codes::UNFINISHED, reason)
}
