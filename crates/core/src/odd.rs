//! Non-ASCII characters that look like ASCII, as in text pasted from a wiki or a chat.

/// Non-ASCII characters, each with its name and the ASCII text that it looks like.
const ALIKE: [(char, &str, &str); 28] = [
    ('\u{a0}', "no-break space", "a blank"),
    ('\u{ad}', "soft hyphen", "'-'"),
    ('\u{2007}', "figure space", "a blank"),
    ('\u{200b}', "zero width space", "nothing"),
    ('\u{200c}', "zero width non-joiner", "nothing"),
    ('\u{200d}', "zero width joiner", "nothing"),
    ('\u{2010}', "hyphen", "'-'"),
    ('\u{2011}', "non-breaking hyphen", "'-'"),
    ('\u{2012}', "figure dash", "'-'"),
    ('\u{2013}', "en dash", "'-'"),
    ('\u{2014}', "em dash", "'-'"),
    ('\u{2018}', "left quotation mark", "a quote"),
    ('\u{2019}', "right quotation mark", "a quote"),
    ('\u{201c}', "left double quotation mark", "a quote"),
    ('\u{201d}', "right double quotation mark", "a quote"),
    ('\u{202f}', "narrow no-break space", "a blank"),
    ('\u{2060}', "word joiner", "nothing"),
    ('\u{2212}', "minus sign", "'-'"),
    ('\u{feff}', "byte order mark", "nothing"),
    ('\u{ff0d}', "fullwidth hyphen-minus", "'-'"),
    ('\u{430}', "Cyrillic a", "'a'"),
    ('\u{435}', "Cyrillic ie", "'e'"),
    ('\u{43e}', "Cyrillic o", "'o'"),
    ('\u{440}', "Cyrillic er", "'p'"),
    ('\u{441}', "Cyrillic es", "'c'"),
    ('\u{443}', "Cyrillic u", "'y'"),
    ('\u{445}', "Cyrillic ha", "'x'"),
    ('\u{456}', "Cyrillic i", "'i'"),
];

/// Describes the first non-ASCII character of a name that must be ASCII. `None`: every character is ASCII.
pub fn odd_character(text: &str) -> Option<String> {
    let odd = text.chars().find(|it| !it.is_ascii())?;
    let code = u32::from(odd);
    Some(match ALIKE.iter().find(|(it, ..)| *it == odd) {
        Some((_, name, like)) => format!("it contains U+{code:04X} ({name}), which looks like {like}"),
        None => format!("it contains {odd:?} (U+{code:04X})"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_character_that_is_not_ascii_is_named() {
        for (text, expected) in [
            ("eu\u{2011}west\u{2011}1", "it contains U+2011 (non-breaking hyphen), which looks like '-'"),
            ("eu\u{2013}west-1", "it contains U+2013 (en dash), which looks like '-'"),
            ("eu-west-1\u{a0}", "it contains U+00A0 (no-break space), which looks like a blank"),
            ("t\u{435}am", "it contains U+0435 (Cyrillic ie), which looks like 'e'"),
            ("t\u{e4}m", "it contains '\u{e4}' (U+00E4)"),
        ] {
            assert_eq!(odd_character(text).as_deref(), Some(expected));
        }
        assert_eq!(odd_character("eu-west-1"), None);
    }
}
