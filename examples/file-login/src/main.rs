//! regcred with one more provider type: `regcred-with-files once --config regcred.yaml`.

use std::process::ExitCode;

use file_login::FileType;
use regcred::Types;

fn main() -> ExitCode {
    let types = Types::default().with_provider(FileType).expect("it is the only one");
    regcred_scheduler::cli::main(types)
}
