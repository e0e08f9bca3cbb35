//! A daemon that is measured from outside.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use crate::{
    demo::with_identity,
    process::{cpu_of, pause, run},
};

/// The metric of fresh targets.
pub(crate) const FRESH: &str = "regcred_targets{sink=\"cluster\",state=\"fresh\"}";

/// A running daemon. It ends on drop.
pub(crate) struct Daemon {
    child: Child,
    address: String,
}

impl Daemon {
    /// Starts a daemon with a config. Its logs go to a file.
    pub(crate) fn start(program: &Path, config: &Path, kubeconfig: &Path, aws: &str, log: &Path) -> Result<Self> {
        let mut command = Command::new(program);
        command.args(["run", "--listen", "127.0.0.1:0", "--config"]).arg(config).arg("--kubeconfig").arg(kubeconfig);
        with_identity(&mut command, aws).env("RUST_LOG", "warn").stderr(Stdio::piped()).stdin(Stdio::null());
        let mut child = command.spawn().with_context(|| format!("cannot start {}", program.display()))?;
        let mut lines = BufReader::new(child.stderr.take().expect("it is piped")).lines();
        let address = loop {
            let line = lines.next().context("the daemon ended at once")??;
            if let Some((_, address)) = line.split_once("health and metrics at http://") {
                break address.trim().to_owned();
            }
        };
        let mut log = fs::File::create(log)?;
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| writeln!(log, "{line}")));
        Ok(Self { child, address })
    }

    /// Returns the sum of all lines of a metric with this beginning.
    pub(crate) fn metric(&self, begin: &str) -> Result<f64> {
        let text = self.get("/metrics")?;
        let values = text.lines().filter(|line| line.starts_with(begin)).filter_map(|line| line.rsplit(' ').next());
        Ok(values.filter_map(|value| value.parse::<f64>().ok()).sum())
    }

    fn get(&self, path: &str) -> Result<String> {
        let mut stream = TcpStream::connect(&self.address)?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: regcred\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    /// Waits until a metric has at least this value. Returns the time that this took.
    pub(crate) fn until(&self, begin: &str, least: f64) -> Result<Duration> {
        let start = Instant::now();
        while self.metric(begin)? < least {
            ensure!(start.elapsed() < Duration::from_mins(10), "{begin} did not reach {least} within ten minutes");
            pause(Duration::from_millis(250)); // each answer costs the daemon CPU time
        }
        Ok(start.elapsed())
    }

    /// Returns the address of its endpoint.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn signal(&self, name: &str) -> Result<()> {
        run(Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()))
    }

    /// Returns the peak resident memory so far, in MiB.
    pub(crate) fn peak_mib(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line =
            status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("the kernel does not report it")?;
        let kib = line.trim().trim_end_matches("kB").trim().parse::<f64>()?;
        Ok(kib / 1024.0)
    }

    /// Returns the CPU time so far.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        cpu_of(self.child.id())
    }

    /// Stops the daemon gracefully.
    pub(crate) fn stop(mut self) -> Result<()> {
        self.signal("TERM")?;
        let status = self.child.wait()?;
        ensure!(status.success(), "the daemon ended with {status}");
        Ok(())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
