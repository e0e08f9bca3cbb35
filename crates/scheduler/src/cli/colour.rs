//! Colours for the states in a table, at a terminal only.

use std::{
    env,
    io::{IsTerminal, stdout},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

/// Whether tables have colours in this process.
static ON: AtomicBool = AtomicBool::new(false);

const RED: u8 = 31;
const GREEN: u8 = 32;
const YELLOW: u8 = 33;

/// The titles of the columns whose words have a colour.
const COLUMNS: [&str; 4] = ["STATE", "STEP", "RESULT", "DONE"];

/// Turns colours on if standard output is a terminal, unless a flag or the environment turns them off.
pub(crate) fn install(no_color: bool) {
    ON.store(stdout().is_terminal() && is_wanted(no_color), Relaxed);
}

/// Whether neither a flag nor the environment turns colours off. An empty `NO_COLOR` counts as unset.
pub(crate) fn is_wanted(no_color: bool) -> bool {
    let is_dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
    !no_color && !is_dumb && env::var_os("NO_COLOR").is_none_or(|it| it.is_empty())
}

/// Returns the cell of a column with its colour. A word without a colour is returned unchanged.
pub(crate) fn paint(column: &str, cell: &str) -> String {
    match colour(cell) {
        Some(code) if ON.load(Relaxed) && COLUMNS.contains(&column) => format!("\x1b[{code}m{cell}\x1b[0m"),
        _ => cell.to_owned(),
    }
}

/// Returns the colour of a word, as an ANSI code. `None` if the word has no colour.
///
/// Red: a person has to act. Yellow: it resolves by itself or is about to change. Green: it is as it should be.
fn colour(word: &str) -> Option<u8> {
    Some(match word {
        "expired" | "missing" | "incomplete" | "failed" | "refused" | "foreign" | "contested" | "refuse" => RED,
        "edited" | "unlinked" | "due" | "waiting" | "gone" | "warning" | "adopt" | "repair" | "refresh" | "link" => {
            YELLOW
        }
        "fresh" | "ok" | "created" | "updated" | "adopted" | "removed" | "create" => GREEN,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;
    use crate::cli::target_state::TargetState;

    #[test]
    fn each_state_of_a_target_has_a_colour_and_other_words_have_none() {
        for state in TargetState::value_variants() {
            let word = state.to_possible_value().expect("it has a name").get_name().to_owned();
            assert!(colour(&word).is_some(), "{word}");
        }
        for word in ["", "-", "team-a", "leave", "nothing", "STATE"] {
            assert_eq!(colour(word), None, "{word}");
        }
    }
}
