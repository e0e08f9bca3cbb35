//! A step of mdBook that points links to files outside the book at the repository.

use std::io::Read;

use anyhow::{Context, Result};
use serde_json::Value;

use super::repository::{FOLDER, resolve, url};

/// Reads the book from standard input and writes it to standard output. Every renderer is supported.
pub(crate) fn run() -> Result<()> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let input = serde_json::from_str::<Value>(&text).context("cannot read the book")?;
    let mut book = input.get(1).cloned().context("mdBook sent no book")?;
    chapters(&mut book);
    println!("{book}");
    Ok(())
}

fn chapters(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(content)) = fields.get_mut("content") {
                *content = outside(content);
            }
            fields.values_mut().for_each(chapters);
        }
        Value::Array(items) => items.iter_mut().for_each(chapters),
        _ => {}
    }
}

/// Rewrites the definitions of links that leave the folder of the book.
fn outside(page: &str) -> String {
    let line = |line: &str| {
        let definition = line.strip_prefix('[').and_then(|it| it.split_once("]: ../"));
        let Some((label, link)) = definition.filter(|(label, _)| !label.contains(']')) else {
            return format!("{line}\n");
        };
        match resolve(FOLDER.as_ref(), &format!("../{link}")) {
            Some(path) => format!("[{label}]: {}\n", url(&path)),
            None => format!("{line}\n"),
        }
    };
    page.lines().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::outside;

    #[test]
    fn only_links_to_files_outside_the_book_change() {
        let page = "[a][b.md] `[c]: ../d`\n\n[b.md]: b.md\n[c]: ../deploy/iam\n[d]: ../README.md\n";
        let expected = "[a][b.md] `[c]: ../d`\n\n[b.md]: b.md\n\
            [c]: https://github.com/regcred/regcred/tree/main/deploy/iam\n\
            [d]: https://github.com/regcred/regcred/blob/main/README.md\n";
        assert_eq!(outside(page), expected);
    }
}
