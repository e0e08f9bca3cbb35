//! Escapes names of profiles and sessions that the SDK rejects but the AWS CLI accepts, such as `[profile "my dev"]`.

use std::fmt::Write;

/// Marks the start and the end of an escaped character.
const MARK: char = '@';

/// Returns a name in the characters that the SDK accepts.
pub(crate) fn identifier(name: &str) -> String {
    let mut identifier = String::new();
    for it in name.chars() {
        if it.is_ascii_alphanumeric() || "_-/.%@:+".contains(it) {
            identifier.push(it);
        } else {
            let _ = write!(identifier, "{MARK}{MARK}{:x}{MARK}{MARK}", u32::from(it)); // a String never fails
        }
    }
    identifier
}

/// Returns the original name of an escaped identifier.
pub(crate) fn name(identifier: &str) -> String {
    let mut parts = identifier.split("@@");
    let mut name = parts.next().unwrap_or_default().to_owned();
    let mut is_number = true;
    for part in parts {
        let character = u32::from_str_radix(part, 16).ok().and_then(char::from_u32).filter(|_| is_number);
        match character {
            Some(character) => name.push(character),
            None => name.push_str(part),
        }
        is_number = !is_number;
    }
    name
}

/// Returns the text of a file with all section names escaped. Lines keep their numbers.
pub(crate) fn encoded(text: &str, is_config: bool) -> String {
    text.split_inclusive('\n').map(|line| section(line, is_config).unwrap_or_else(|| line.to_owned())).collect()
}

/// Returns a section line with its name escaped, or `None` if the line needs no change.
fn section(line: &str, is_config: bool) -> Option<String> {
    let (inside, rest) = line.strip_prefix('[')?.split_once(']')?;
    if !is_config {
        let name = inside.trim();
        // The SDK reports these as misplaced.
        let is_other =
            ["profile", "sso-session", "services"].iter().any(|it| name.split_whitespace().next() == Some(it));
        return (!is_other && identifier(name) != name).then(|| format!("[{}]{rest}", identifier(name)));
    }
    // The AWS CLI splits the section as a shell splits words.
    let words = shlex::split(inside)?;
    let [kind @ ("profile" | "sso-session"), name] = words.iter().map(String::as_str).collect::<Vec<_>>()[..] else {
        return None;
    };
    (!name.is_empty() && inside.contains(['"', '\'', '\\'])).then(|| format!("[{kind} {}]{rest}", identifier(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoded_profile_name_decodes_to_the_same_name() {
        for it in ["dev", "my dev", "a b  c", "ü", "a@b", "(x)", "it's", "", "a#b;c", "a\tb", "1 2"] {
            assert_eq!(name(&identifier(it)), it);
        }
    }

    #[test]
    fn quoted_sections_of_a_config_file_are_read_as_the_aws_cli_reads_them() {
        for (line, named) in [
            ("[profile \"my dev\"]", Some("profile my dev")),
            ("[profile 'my dev']\n", Some("profile my dev")),
            ("[profile  \"my dev\" ] # x\r\n", Some("profile my dev")),
            ("[profile \"dev\"]", Some("profile dev")),
            ("[profile my\\ dev]", Some("profile my dev")),
            ("[sso-session \"x y\"]", Some("sso-session x y")),
            ("[sso-session 'x y']", Some("sso-session x y")),
            ("[profile 'it is \"x\"']", Some("profile it is \"x\"")),
            ("[profile \"\"]", None),
            ("[profile \"open]", None),
            ("[profile my dev]", None),
            ("[profile dev]", None),
            ("[default]", None),
            (" [profile \"my dev\"]", None),
            ("x = [profile \"my dev\"]", None),
        ] {
            let read = section(line, true);
            let read = read.as_deref().and_then(|it| it.split_once(']')?.0.strip_prefix('[')?.split_once(' '));
            let read = read.map(|(kind, identifier)| format!("{kind} {}", name(identifier)));
            assert_eq!(read.as_deref(), named, "{line}");
        }
    }

    #[test]
    fn a_name_with_blanks_in_a_credentials_file_needs_no_quotes() {
        assert_eq!(encoded("[my dev]\nx = [a b]\n", false), format!("[{}]\nx = [a b]\n", identifier("my dev")));
        for same in ["[default]\n", "[profile dev]\n", "[dev]", "[open\n", ""] {
            assert_eq!(encoded(same, false), same);
        }
    }
}
