//! Checks that the compiler does not make: dependencies between crates and between files, and the promises of pages.

mod circles;
mod clock;
mod confined;
mod crates;
mod impls;
mod imports;
mod mentions;
mod modules;
mod names;
mod promises;
mod reach;
mod top_level;
mod uses;
mod workspace;

use std::collections::BTreeSet;

use anyhow::{Result, bail};

use self::{imports::Graph, workspace::Workspace};

pub(crate) use self::reach::names;

/// Prints the number of circles, and fails with every problem at once.
pub(crate) fn run() -> Result<()> {
    let workspace = Workspace::read()?;
    let mut problems = crates::edges(&workspace)?;
    problems.extend(reach::adapters()?);
    problems.extend(reach::test_features()?);
    problems.extend(confined::outside()?);
    problems.extend(top_level::unknown()?);
    problems.extend(promises::missing()?);
    problems.extend(files(&workspace)?);
    if problems.is_empty() {
        println!("tidy");
        return Ok(());
    }
    bail!("{}", problems.join("\n"))
}

/// Returns the circles of files, the methods outside the file of their type, and the files that read the clock without
/// permission.
fn files(workspace: &Workspace) -> Result<Vec<String>> {
    let (mut split, mut circles, mut reads) = (BTreeSet::new(), vec![], clock::Reads::new());
    for (name, targets) in workspace.modules()? {
        let mut graph = Graph::new();
        for modules in &targets {
            imports::edges(modules, &mut graph);
            split.extend(impls::split(modules));
            clock::find(modules, &mut reads);
        }
        let own = circles::circles(&graph);
        circles.extend(own.iter().map(|circle| format!("{name}: {}", circles::describe(&graph, circle))));
    }
    println!("{} circles of files", circles.len());
    Ok(circles.into_iter().chain(split).chain(clock::problems(&reads)).collect())
}
