//! Runs programs, and background programs that end with this one.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

/// Returns the folder of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is in the workspace").to_owned()
}

/// Returns the folder of programs that take long to build or to download.
pub(crate) fn cache() -> Result<PathBuf> {
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(home)
        .context("neither XDG_CACHE_HOME nor HOME is set")?;
    Ok(cache.join("regcred"))
}

/// Returns the cargo that started this program.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root());
    cargo
}

/// Runs a program to its end. An exit code other than 0 is an error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {command:?}"))?;
    ensure!(status.success(), "{command:?} failed with {status}");
    Ok(())
}

/// Runs a program to its end, and returns its standard output.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let output = command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot start {command:?}"))?;
    ensure!(output.status.success(), "{command:?} failed with {}", output.status);
    Ok(String::from_utf8(output.stdout)?)
}

/// Builds a program and returns its path. It reuses the artifacts of the workspace's tests. The program of the image is
/// built separately.
pub(crate) fn build(program: &str, release: bool) -> Result<PathBuf> {
    let mut build = cargo();
    // There are no examples. With this flag, cargo picks features as for tests.
    build.args(["build", "--quiet", "--workspace", "--examples", "--bin", program]);
    if release {
        build.arg("--release");
    }
    built(&mut build, program)
}

/// Runs a build with any flags, and returns the path of its program.
pub(crate) fn built(build: &mut Command, program: &str) -> Result<PathBuf> {
    let messages = read(build.args(["--message-format", "json"]))?;
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let programs = messages.filter(|message| message["target"]["name"] == program);
    let path = programs.filter_map(|message| message["executable"].as_str().map(PathBuf::from)).next_back();
    path.with_context(|| format!("cargo built no {program}"))
}

/// Returns the default target of rustc.
pub(crate) fn host() -> Result<String> {
    let about = read(Command::new("rustc").arg("-vV"))?;
    Ok(about.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc has no host")?.to_owned())
}

/// Returns git's answer about this repository, as one line.
pub(crate) fn git(args: &[&str]) -> Result<String> {
    Ok(read(Command::new("git").current_dir(root()).args(args))?.trim().to_owned())
}

/// Returns the time of the last commit, in seconds since 1970. The files of a release have this time.
pub(crate) fn commit_time() -> Result<String> {
    git(&["log", "-1", "--format=%ct"])
}

/// A background program. It ends on drop.
pub(crate) struct Server {
    child: Child,
    name: String,
}

impl Server {
    /// Starts a program. Its output goes to a file.
    pub(crate) fn start(name: &str, command: &mut Command, log: &Path) -> Result<Self> {
        let log = std::fs::File::create(log)?;
        let child = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn();
        Ok(Self { child: child.with_context(|| format!("cannot start {name}"))?, name: name.into() })
    }

    /// Returns the CPU time that it has used so far.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        cpu_of(self.child.id())
    }

    /// Waits until `ready` returns true. Fails if the program has ended, or after a minute.
    pub(crate) fn wait_until(&mut self, mut ready: impl FnMut() -> bool) -> Result<()> {
        let start = Instant::now();
        while !ready() {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended with {status}", self.name);
            }
            ensure!(start.elapsed() < Duration::from_mins(1), "{} was not ready within a minute", self.name);
            pause(Duration::from_millis(50));
        }
        Ok(())
    }
}

/// Returns the CPU time that a process has used so far, in user and in kernel mode.
pub(crate) fn cpu_of(pid: u32) -> Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let fields = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect::<Vec<_>>();
    let ticks = |place: usize| fields.get(place).and_then(|it| it.parse::<u64>().ok()).unwrap_or_default();
    Ok(Duration::from_millis((ticks(11) + ticks(12)) * 10)) // a tick is a hundredth of a second
}

#[expect(clippy::disallowed_methods, reason = "this waits for another program, and has no runtime")]
pub(crate) fn pause(duration: Duration) {
    thread::sleep(duration);
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The fake servers of ECR and the Kubernetes API, in their own program. Commands and answers are lines.
pub(crate) struct FakeServers {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    pub(crate) aws: String,
    /// The URL of the services that exchange a token.
    pub(crate) exchange: String,
    /// The file with a token that they accept.
    pub(crate) pod_token: String,
    pub(crate) kubeconfig: String,
}

impl FakeServers {
    pub(crate) fn start(program: &Path, dir: &Path, namespaces: &[String]) -> Result<Self> {
        let mut command = Command::new(program);
        command.arg("--dir").arg(dir);
        for namespace in namespaces {
            command.args(["--namespace", namespace]);
        }
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("cannot start the fake servers")?;
        let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let stdin = child.stdin.take();
        let [aws, exchange, pod_token, kubeconfig] = [const { String::new() }; 4];
        let mut started = Self { child, stdin, stdout, aws, exchange, pod_token, kubeconfig };
        let addresses = started.line()?;
        let text = |field: &str| {
            addresses[field].as_str().map(str::to_owned).context("the fake servers did not print their addresses")
        };
        (started.aws, started.kubeconfig) = (text("aws")?, text("kubeconfig")?);
        (started.exchange, started.pod_token) = (text("exchange")?, text("pod_token")?);
        Ok(started)
    }

    /// Sends a line and returns the answer.
    pub(crate) fn say(&mut self, line: &str) -> Result<Value> {
        writeln!(self.stdin.as_mut().expect("it is open until the end"), "{line}")?;
        self.line()
    }

    fn line(&mut self) -> Result<Value> {
        let mut line = String::new();
        self.stdout.read_line(&mut line)?;
        serde_json::from_str(&line).context("the fake servers ended")
    }
}

impl Drop for FakeServers {
    fn drop(&mut self) {
        self.stdin.take(); // it ends with its input
        let _ = self.child.wait();
    }
}

/// Returns ports that are free at this moment, all different.
pub(crate) fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let listeners = [(); N].map(|()| TcpListener::bind("127.0.0.1:0"));
    let mut ports = [0; N];
    for (port, listener) in ports.iter_mut().zip(&listeners) {
        *port = listener.as_ref().map_err(|error| anyhow::anyhow!("no free port: {error}"))?.local_addr()?.port();
    }
    Ok(ports)
}

/// Returns whether a program listens on this port.
pub(crate) fn listens(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}
