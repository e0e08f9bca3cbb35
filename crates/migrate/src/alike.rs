//! Groups equal findings into one line. It does no IO.

use std::collections::HashMap;

use crate::{comment::visible, discover::Address};

/// Number of names to print before the rest are counted.
const NAMED: usize = 3;

/// The address of a finding, and its description.
pub(crate) type Finding<'a> = (&'a Address, String);

/// Returns one row for equal findings about objects of one name in several namespaces.
pub(crate) fn alike<'a>(found: impl IntoIterator<Item = Finding<'a>>) -> Vec<[String; 2]> {
    let (mut rows, mut known) = (Vec::<(&Address, String, usize)>::new(), HashMap::new());
    for (at, what) in found {
        let row = *known.entry((&at.name, what.clone())).or_insert_with(|| {
            rows.push((at, what, 0));
            rows.len() - 1
        });
        rows[row].2 += 1;
    }
    let row = |(at, what, count): (&Address, String, usize)| {
        let others = match count - 1 {
            0 => String::new(),
            1 => " and 1 other".into(),
            others => format!(" and {others} others"),
        };
        [visible(&format!("{}/{}", at.namespace, at.name)) + &others, visible(&what)]
    };
    rows.into_iter().map(row).collect()
}

/// Returns the first names, and how many more there are.
pub(crate) fn named(names: &[impl AsRef<str>]) -> String {
    let first = names.iter().take(NAMED).map(AsRef::as_ref).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}
