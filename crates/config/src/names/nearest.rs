//! Finds the known name that is nearest to a wrong one.

/// Returns the word with the fewest edits, and the number of edits. `None`: there are no known words.
pub fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<(usize, &'a str)> {
    known.map(|known| (strsim::damerau_levenshtein(word, known), known)).min()
}

/// Returns the known name that was probably meant: the nearest, if it is near enough for a name of its length.
pub fn meant<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    nearest(name, known).filter(|(distance, known)| *distance <= known.len() / 3).map(|(_, known)| known)
}
