//! The grammar of `WWW-Authenticate`: challenges with a scheme and parameters.
//!
//! Source: section 11 of RFC 9110, which replaces RFC 7235.

use std::{iter::Peekable, str::Chars};

/// One way to log in that a server offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Challenge {
    /// The scheme in lower case, such as `bearer`.
    pub(crate) scheme: String,
    /// The parameters in their order, with names in lower case.
    parameters: Vec<(String, String)>,
}

impl Challenge {
    /// Returns the first value of a parameter.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

/// Parses the value of one header, which may contain several challenges. It ends at the first fault, because the rest
/// is ambiguous. A challenge with a fault is dropped.
pub(crate) fn parse(header: &str) -> Vec<Challenge> {
    let mut challenges = Vec::<Challenge>::new();
    let mut rest = header.chars().peekable();
    loop {
        skip(&mut rest, |letter| is_space(letter) || letter == ',');
        let name = token(&mut rest).to_ascii_lowercase();
        if name.is_empty() {
            if rest.peek().is_some() {
                challenges.pop();
            }
            return challenges;
        }
        skip(&mut rest, is_space);
        if rest.next_if_eq(&'=').is_none() {
            challenges.push(Challenge { scheme: name, parameters: vec![] });
            continue;
        }
        skip(&mut rest, is_space);
        let value = if rest.next_if_eq(&'"').is_some() { quoted(&mut rest) } else { plain(&mut rest) };
        let (Some(challenge), Some(value)) = (challenges.last_mut(), value) else {
            challenges.pop();
            return challenges;
        };
        challenge.parameters.push((name, value));
    }
}

fn skip(rest: &mut Peekable<Chars<'_>>, is_skipped: impl Fn(char) -> bool) {
    while rest.next_if(|letter| is_skipped(*letter)).is_some() {}
}

fn is_space(letter: char) -> bool {
    matches!(letter, ' ' | '\t')
}

/// Reads a token. It is empty if no token begins here.
fn token(rest: &mut Peekable<Chars<'_>>) -> String {
    let is_token = |letter: &char| letter.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(*letter);
    let mut token = String::new();
    while let Some(letter) = rest.next_if(is_token) {
        token.push(letter);
    }
    token
}

/// Reads a value without quotes. `None`: there is none, as after the `=` of an opaque value.
fn plain(rest: &mut Peekable<Chars<'_>>) -> Option<String> {
    Some(token(rest)).filter(|it| !it.is_empty())
}

/// Reads the rest of a quoted text. `None`: it has no closing quote.
fn quoted(rest: &mut Peekable<Chars<'_>>) -> Option<String> {
    let mut text = String::new();
    loop {
        match rest.next()? {
            '"' => return Some(text),
            '\\' => text.push(rest.next()?),
            letter => text.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn challenge(scheme: &str, parameters: &[(&str, &str)]) -> Challenge {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Challenge { scheme: scheme.into(), parameters: parameters.iter().map(own).collect() }
    }

    #[test]
    fn challenges_are_parsed_with_quoted_and_plain_values() {
        let hub = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push""#;
        for (header, expected) in [
            ("Basic", vec![challenge("basic", &[])]),
            ("BASIC realm=\"ecr\"", vec![challenge("basic", &[("realm", "ecr")])]),
            (
                hub,
                vec![challenge(
                    "bearer",
                    &[
                        ("realm", "https://auth.docker.io/token"),
                        ("service", "registry.docker.io"),
                        ("scope", "repository:a/b:pull,push"),
                    ],
                )],
            ),
            (
                r#"Basic Realm = "a \"b\" \\", charset=UTF-8 , Bearer realm="r""#,
                vec![
                    challenge("basic", &[("realm", r#"a "b" \"#), ("charset", "UTF-8")]),
                    challenge("bearer", &[("realm", "r")]),
                ],
            ),
            (", ,Basic,Bearer", vec![challenge("basic", &[]), challenge("bearer", &[])]),
            (r#"Bearer realm="r",service="""#, vec![challenge("bearer", &[("realm", "r"), ("service", "")])]),
            (r#"Bearer realm="r" service="s""#, vec![challenge("bearer", &[("realm", "r"), ("service", "s")])]),
        ] {
            assert_eq!(parse(header), expected, "{header}");
        }
    }

    #[test]
    fn a_challenge_with_a_fault_is_dropped() {
        for header in [
            "",
            "\"",
            "realm=\"r\"",
            "Bearer realm=\"r",
            "Bearer realm=\"r\\",
            "Bearer realm=\"r\" ;",
            "Negotiate YWJj==",
            "Bearer @",
            "ä",
            "<html>",
        ] {
            assert_eq!(parse(header), [], "{header}");
        }
        assert_eq!(parse("Basic, Bearer realm=\"r"), [challenge("basic", &[])]);
    }

    #[test]
    fn the_first_value_of_a_parameter_counts() {
        let [challenge] = &parse("Bearer realm=a, realm=b")[..] else { panic!("one") };
        assert_eq!((challenge.parameter("realm"), challenge.parameter("scope")), (Some("a"), None));
    }

    proptest! {
        #[test]
        fn no_header_panics_and_written_values_are_read_back(header: String, value: String) {
            parse(&header);
            let written = value.replace('\\', r"\\").replace('"', r#"\""#);
            let challenges = parse(&format!("Bearer realm=\"{written}\""));
            prop_assert_eq!(challenges, [challenge("bearer", &[("realm", &value)])]);
        }
    }
}
