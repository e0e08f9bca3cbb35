//! regcred, and one more type of provider: `regcred-with-files once --config regcred.yaml`.

use std::process::ExitCode;

use file_login::FileLogin;
use regcred::Types;

fn main() -> ExitCode {
    let types = Types::default().with_provider("file", |spec| {
        let login = FileLogin::new(spec.options()?).map_err(|error| spec.problem("registry", error.to_string()))?;
        Ok(async { Ok(login) })
    });
    regcred::cli::main(&types)
}
