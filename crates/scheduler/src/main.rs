//! The binary `regcred`. See `regcred --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    regcred_scheduler::cli::main(regcred_scheduler::Types::default())
}
