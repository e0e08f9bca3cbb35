//! Runs the real binary against fake servers, and prints what a user would see.

mod command;
mod programs;
mod recipe;
mod vendors;

use anyhow::Result;

pub(crate) use self::command::with_identity;
use self::programs::Programs;

pub(crate) fn run() -> Result<()> {
    println!("Building regcred and the fake servers ...");
    let programs = Programs::build()?;
    let dirs = [tempfile::tempdir()?, tempfile::tempdir()?];
    recipe::run(&programs, dirs[0].path())?;
    vendors::run(&programs, dirs[1].path())
}
