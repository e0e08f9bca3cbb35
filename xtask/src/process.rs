//! Programs that are run, and programs that go on until this one ends.

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

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is in the workspace").to_owned()
}

/// The folder of programs that take long to build or to download.
pub(crate) fn cache() -> Result<PathBuf> {
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(home)
        .context("neither XDG_CACHE_HOME nor HOME is set")?;
    Ok(cache.join("regcred"))
}

/// Cargo, as the one that started this.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root());
    cargo
}

/// Runs to the end; an exit code other than 0 is an error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {command:?}"))?;
    ensure!(status.success(), "{command:?} failed with {status}");
    Ok(())
}

/// Runs to the end and returns its standard output.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let output = command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot start {command:?}"))?;
    ensure!(output.status.success(), "{command:?} failed with {}", output.status);
    Ok(String::from_utf8(output.stdout)?)
}

/// Builds a program and returns its path. What the workspace's tests are made of serves it too: that of the image is built alone.
pub(crate) fn build(program: &str, release: bool) -> Result<PathBuf> {
    let mut build = cargo();
    // There are no examples: with this, cargo picks features as for tests.
    build.args(["build", "--quiet", "--workspace", "--examples", "--bin", program]);
    if release {
        build.arg("--release");
    }
    built(&mut build, program)
}

/// Runs such a build, whatever its flags, and returns the path of its program.
pub(crate) fn built(build: &mut Command, program: &str) -> Result<PathBuf> {
    let messages = read(build.args(["--message-format", "json"]))?;
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let programs = messages.filter(|message| message["target"]["name"] == program);
    let path = programs.filter_map(|message| message["executable"].as_str().map(PathBuf::from)).next_back();
    path.with_context(|| format!("cargo built no {program}"))
}

/// The machine that rustc builds for unless it is told another.
pub(crate) fn host() -> Result<String> {
    let about = read(Command::new("rustc").arg("-vV"))?;
    Ok(about.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc has no host")?.to_owned())
}

/// What git says of this repository, on one line.
pub(crate) fn git(args: &[&str]) -> Result<String> {
    Ok(read(Command::new("git").current_dir(root()).args(args))?.trim().to_owned())
}

/// When the last commit was made, in seconds since 1970: the time of what a release holds.
pub(crate) fn commit_time() -> Result<String> {
    git(&["log", "-1", "--format=%ct"])
}

/// A program that ends when this is dropped.
pub(crate) struct Server {
    child: Child,
    name: String,
}

impl Server {
    /// Starts it; what it prints goes to a file.
    pub(crate) fn start(name: &str, command: &mut Command, log: &Path) -> Result<Self> {
        let log = std::fs::File::create(log)?;
        let child = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn();
        Ok(Self { child: child.with_context(|| format!("cannot start {name}"))?, name: name.into() })
    }

    /// Returns the CPU time that it has used so far.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        cpu_of(self.child.id())
    }

    /// Waits until it answers; an error if it has ended or takes longer than a minute.
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
    Ok(Duration::from_millis((ticks(11) + ticks(12)) * 10)) // a hundred ticks a second
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

/// The stand-ins for ECR and the Kubernetes API, in a program of their own, which is spoken to a line at a time.
pub(crate) struct StandIn {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    pub(crate) aws: String,
    pub(crate) kubeconfig: String,
}

impl StandIn {
    pub(crate) fn start(program: &Path, dir: &Path, namespaces: &[String]) -> Result<Self> {
        let mut command = Command::new(program);
        command.arg("--dir").arg(dir);
        for namespace in namespaces {
            command.args(["--namespace", namespace]);
        }
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("cannot start the stand-ins")?;
        let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let stdin = child.stdin.take();
        let mut started = Self { child, stdin, stdout, aws: String::new(), kubeconfig: String::new() };
        let addresses = started.line()?;
        let text = |field: &str| {
            addresses[field].as_str().map(str::to_owned).context("the stand-ins did not say where they are")
        };
        (started.aws, started.kubeconfig) = (text("aws")?, text("kubeconfig")?);
        Ok(started)
    }

    /// Says a line and returns the answer.
    pub(crate) fn say(&mut self, line: &str) -> Result<Value> {
        writeln!(self.stdin.as_mut().expect("it is open until the end"), "{line}")?;
        self.line()
    }

    fn line(&mut self) -> Result<Value> {
        let mut line = String::new();
        self.stdout.read_line(&mut line)?;
        serde_json::from_str(&line).context("the stand-ins ended")
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.stdin.take(); // it ends with its input
        let _ = self.child.wait();
    }
}

/// Ports that are free at this moment, all different.
pub(crate) fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let listeners = [(); N].map(|()| TcpListener::bind("127.0.0.1:0"));
    let mut ports = [0; N];
    for (port, listener) in ports.iter_mut().zip(&listeners) {
        *port = listener.as_ref().map_err(|error| anyhow::anyhow!("no free port: {error}"))?.local_addr()?.port();
    }
    Ok(ports)
}

/// Whether something listens there.
pub(crate) fn listens(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}
