//! A registry of another project, with users or a token server.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
};

/// The bcrypt hash of `pass`.
const HASH: &str = "$2y$05$abcdefghijklmnopqrstuuZFBUbfXoM8LFiPx8LYlO/sXZB/Cwk3K";

/// A `docker-registry` that ends when it is dropped.
pub(crate) struct Distribution {
    process: Child,
    /// The host and port.
    pub(crate) address: String,
}

impl Distribution {
    /// Starts the registry with one user, whose password is `pass`.
    pub(crate) fn with_user(dir: &Path, user: &str) -> Self {
        let passwords = dir.join("htpasswd");
        fs::write(&passwords, format!("{user}:{HASH}\n")).expect("it can be written");
        Self::start(dir, &format!("htpasswd: {{ realm: test, path: {} }}", passwords.display()))
    }

    /// Starts the registry with an `auth` section, and waits until it listens.
    pub(crate) fn start(dir: &Path, auth: &str) -> Self {
        let config = dir.join("registry.yaml");
        let storage = dir.join("storage").display().to_string();
        let yaml = format!(
            "version: 0.1\nlog: {{ level: info }}\nstorage: {{ filesystem: {{ rootdirectory: {storage} }} }}\n\
             http: {{ addr: '127.0.0.1:0' }}\nauth:\n  {auth}\n"
        );
        fs::write(&config, yaml).expect("it can be written");
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(config).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut process = command.spawn().expect("docker-registry starts");
        let mut lines = BufReader::new(process.stderr.take().expect("it is piped")).lines().map_while(Result::ok);
        let address = lines.find_map(|line| {
            let (_, rest) = line.split_once("listening on ")?;
            Some(rest.chars().take_while(|it| it.is_ascii_digit() || ".:".contains(*it)).collect())
        });
        // The rest is read too, because a full pipe would stop the registry.
        thread::spawn(move || lines.for_each(drop));
        Self { process, address: address.expect("it listens") }
    }
}

impl Drop for Distribution {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
