//! A process that mints with an identity from its environment.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) const PULL: &str = "arn:aws:iam::123456789012:role/pull";
pub(crate) const HOST: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com";

/// A process that mints on request.
pub(crate) struct Mint {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    log: TempDir,
}

impl Mint {
    pub(crate) fn start(wanted: &Value, environment: &[(&str, &str)]) -> Self {
        let log = tempfile::tempdir().expect("a folder");
        let stderr = fs::File::create(log.path().join("log")).expect("a file");
        let mut command = Command::new(env!("CARGO_BIN_EXE_mint"));
        command.arg(wanted.to_string()).env_clear().env("HOME", "/nonexistent").envs(environment.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(stderr);
        let mut child = command.spawn().expect("it starts");
        let input = child.stdin.take().expect("piped");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        Self { child, input, output, log }
    }

    pub(crate) fn again(&mut self) -> Value {
        self.input.write_all(b"\n").ok(); // a process that failed to start has exited and printed the reason
        let mut line = String::new();
        self.output.read_line(&mut line).expect("it answers");
        serde_json::from_str(&line).expect("JSON")
    }

    /// Returns the log of the process at level TRACE.
    pub(crate) fn log(mut self) -> String {
        drop(self.input);
        self.child.wait().expect("it ends");
        fs::read_to_string(self.log.path().join("log")).expect("text")
    }
}

/// Mints once.
pub(crate) fn mint(wanted: &Value, environment: &[(&str, &str)]) -> Value {
    Mint::start(wanted, environment).again()
}

pub(crate) fn registries(minted: &Value) -> Vec<&str> {
    minted["registries"].as_array().unwrap_or_else(|| panic!("{minted}")).iter().filter_map(Value::as_str).collect()
}
