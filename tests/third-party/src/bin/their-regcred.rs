//! The command line of regcred, with two more types: `their-regcred check --config regcred.yaml`.

use std::{process::ExitCode, sync::Arc};

use regcred::Types;
use third_party::{RobotType, ShelfType};

fn main() -> ExitCode {
    let types = Types::default().with_provider(RobotType).and_then(|it| it.with_sink(ShelfType(Arc::default())));
    regcred_scheduler::cli::main(types.expect("their names differ"))
}
