//! `regcred run` as a separate process, with the questions that tests ask it.

use std::{
    io::{BufRead, BufReader},
    net::TcpStream,
    process::{Child, ChildStderr, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
};

use regcred_testkit::FakeKube;

use crate::world::{World, regcred};

/// Reads the lines of a log, each with its line break, until the process ends.
fn lines(stderr: ChildStderr) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        let mut stderr = BufReader::new(stderr);
        let mut line = String::new();
        while stderr.read_line(&mut line).expect("text") > 0 {
            if sender.send(std::mem::take(&mut line)).is_err() {
                line.clear(); // the receiver is dropped, so only drain the pipe
            }
        }
    });
    lines
}

/// A daemon process, which is killed if a test fails.
pub(crate) struct Daemon {
    child: Child,
    /// The lines of its log. A thread reads them at once, because a full pipe would stop the daemon.
    lines: Receiver<String>,
    address: String,
}

impl Daemon {
    /// Starts a daemon with an identity that can mint tokens.
    pub(crate) fn start(world: &World, config: &str) -> Self {
        Self::start_with(world, config, |_| ())
    }

    /// Starts a daemon with another environment.
    pub(crate) fn start_with(world: &World, config: &str, change: impl FnOnce(&mut Command)) -> Self {
        let kubeconfig = world.dir.path().join("kubeconfig");
        Self::of_several_with(world, config, |command| {
            command.arg("--kubeconfig").arg(kubeconfig);
            change(command);
        })
    }

    /// Starts a daemon without `--kubeconfig`, for the clusters that the config names.
    pub(crate) fn of_several(world: &World, config: &str) -> Self {
        Self::of_several_with(world, config, |_| ())
    }

    fn of_several_with(world: &World, config: &str, change: impl FnOnce(&mut Command)) -> Self {
        let mut command = regcred(&["run", "--listen", "127.0.0.1:0", "--config"]);
        command.arg(world.write("regcred.yaml", config));
        command.env("AWS_ENDPOINT_URL", world.aws.url()).env("RUST_LOG", "info");
        command.env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE").env("AWS_SECRET_ACCESS_KEY", "not-a-real-key");
        change(&mut command);
        let mut child = command.stderr(Stdio::piped()).spawn().expect("it starts");
        let lines = lines(child.stderr.take().expect("it is piped"));
        let mut daemon = Self { child, lines, address: String::new() };
        let line = daemon.told("health and metrics at http://");
        line.split("http://").nth(1).expect("an address").trim().clone_into(&mut daemon.address);
        daemon
    }

    /// Returns the next log line that contains this text.
    pub(crate) fn told(&mut self, what: &str) -> String {
        let mut all = String::new();
        loop {
            let line = self.lines.recv().unwrap_or_else(|_| panic!("it ended and never printed {what:?}: {all}"));
            if line.contains(what) {
                return line;
            }
            all += &line;
        }
    }

    /// Returns the log lines that contain these texts, in any order.
    pub(crate) fn told_each<const N: usize>(&mut self, what: [&str; N]) -> [String; N] {
        let mut found = what.map(|_| String::new());
        while found.iter().any(String::is_empty) {
            let line = self.lines.recv().unwrap_or_else(|_| panic!("it ended, and printed {found:?} of {what:?}"));
            if let Some(place) = what.iter().position(|it| line.contains(it)) {
                found[place] = line;
            }
        }
        found
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(sent.expect("kill starts").success());
    }

    /// Kills the process.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// Stops the process with SIGTERM, and checks that it exits with 0.
    pub(crate) fn stop(mut self) {
        self.signal("TERM");
        self.told("stopped daemon");
        assert_eq!(self.child.wait().expect("it ends").code(), Some(0));
    }

    /// Returns the address of the endpoint, as `HOST:PORT`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Returns the number of open files and sockets.
    pub(crate) fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).expect("it runs").count()
    }

    /// Returns the anonymous memory of the process, in KiB.
    pub(crate) fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("the kernel says so");
        line.trim().trim_end_matches("kB").trim().parse().expect("a number")
    }

    /// Returns one number of `/metrics`. 0 if the metric does not exist.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let (_, text) = self.get("/metrics");
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ').map(str::to_owned));
        line.map_or(0.0, |value| value.parse().expect("a number"))
    }

    /// Returns the status and the body of an endpoint.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        use std::io::{Read, Write};
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: regcred\r\nConnection: close\r\n\r\n").expect("it is sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("text");
        let status = answer.split(' ').nth(1).and_then(|it| it.parse().ok()).expect("a status");
        (status, answer.split("\r\n\r\n").nth(1).unwrap_or_default().to_owned())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether a namespace has its Secret.
pub(crate) fn has_secret(namespace: &'static str) -> impl Fn(&FakeKube) -> bool {
    move |kube| kube.object("secrets", namespace, "ecr-secret").is_some_and(|it| it["data"].is_object())
}

/// Whether the ServiceAccount of a namespace uses its Secret.
pub(crate) fn is_linked(namespace: &'static str) -> impl Fn(&FakeKube) -> bool {
    move |kube| {
        let account = kube.object("serviceaccounts", namespace, "default");
        account.is_some_and(|it| it["imagePullSecrets"].to_string().contains("ecr-secret"))
    }
}
