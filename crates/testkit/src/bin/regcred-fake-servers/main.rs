//! Runs a fake AWS, fake token exchanges of other vendors, a fake Kubernetes API and a checking registry proxy on
//! loopback. Commands come as lines on standard input.
//!
//! ```text
//! regcred-fake-servers --dir DIR [--namespace NAME]... [--registry ADDRESS]
//! ```
//!
//! The program writes `DIR/kubeconfig` and `DIR/pod-token`, which the exchanges accept, and prints one line of JSON with the addresses. Then it answers each input line
//! with one line of JSON. The commands are `show`, `life SECONDS`, `recipe NAMESPACE REGION SECONDS`, `suspend
//! NAMESPACE` and `quit`. It exits after `quit` or at the end of the input.

mod args;
mod show;
mod stage;

use std::{
    io::{self, Write, stdin, stdout},
    process::ExitCode,
    time::SystemTime,
};

use args::Args;
use serde_json::Value;
use stage::Stage;

fn main() -> ExitCode {
    let args = match Args::parse(std::env::args().skip(1)) {
        Ok(args) => args,
        Err(error) => return usage(&error),
    };
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => usage(&error.to_string()),
    }
}

fn run(args: &Args) -> io::Result<()> {
    // The servers run on threads of the runtime while this thread reads lines.
    let runtime = tokio::runtime::Runtime::new()?;
    let stage = runtime.block_on(Stage::start(args))?;
    print_line(&stage.greeting())?;
    for line in stdin().lines() {
        let Some(answer) = stage.answer(line?.trim(), now()) else { break };
        print_line(&answer)?;
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "tokens that others have minted end by the wall clock")]
fn now() -> SystemTime {
    SystemTime::now()
}

fn print_line(answer: &Value) -> io::Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "{answer}")?;
    out.flush()
}

fn usage(error: &str) -> ExitCode {
    eprintln!("regcred-fake-servers: {error}");
    eprintln!("usage: regcred-fake-servers --dir DIR [--namespace NAME]... [--registry ADDRESS]");
    ExitCode::from(2)
}
