//! The command line of regcred, with two more types: `their-regcred check --config regcred.yaml`.

use std::process::ExitCode;

use regcred::Types;
use third_party::{RobotType, Shelf};

fn main() -> ExitCode {
    let types = Types::default().with_provider(RobotType).and_then(|it| it.with_sink(Shelf::default()));
    regcred_scheduler::cli::main(types.expect("their names differ"))
}
