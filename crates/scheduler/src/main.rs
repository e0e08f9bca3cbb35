//! The binary: see `regcred --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    regcred::cli::main(&regcred::Types::default())
}
