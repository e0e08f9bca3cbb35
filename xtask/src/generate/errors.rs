//! The page about error codes, from the program.

use std::{fmt::Write, path::Path, process::Command};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::process::read;

#[derive(Deserialize)]
struct Code {
    #[serde(rename = "code")]
    id: String,
    kind: String,
    title: String,
    cause: String,
    fix: String,
}

pub(super) fn page(regcred: &Path) -> Result<String> {
    let json = read(Command::new(regcred).args(["explain", "--output", "json"]).env_clear())?;
    let codes = serde_json::from_str::<Vec<Code>>(&json).context("the codes of `regcred explain`")?;
    let mut page = String::from(
        "<!-- Made by `cargo xtask generate`. -->\n\n# Error codes\n\nEach error of regcred has a code. An error \
         ends with its code in brackets, such as `[RC0104]`. The message of an error may change between\nversions. \
         Its code does not. `regcred explain RC0104` prints the text of this page. With `--output json`, errors have \
         the field `code`.\n\nThe kind of an error determines what you do:\n\n| kind | what to do |\n|---|---|\n| \
         `invalid` | Correct the config or the command line. |\n| `unauthenticated` | Log in again, or replace the \
         credentials. |\n| `denied` | Grant the permission that the message names. |\n| `refused` | Choose another \
         name, or make the owner release the target. |\n| `gone` | Nothing: the place does not exist any more. |\n| \
         `conflict` | Nothing: regcred retries. |\n| `malformed` | Check the proxy and the endpoint. |\n| \
         `throttled` | Nothing: regcred waits as long as the server asks. |\n| `unreachable` | Check the network and \
         the server. regcred retries. |\n| `bug` | Report it. |\n",
    );
    for Code { id, kind, title, cause, fix } in codes {
        write!(page, "\n## {id}\n\n**{title}** (`{kind}`)\n\n{cause}\n\nFix: {fix}\n")?;
    }
    Ok(page)
}
