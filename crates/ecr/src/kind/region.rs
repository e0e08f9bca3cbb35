//! The form of region names, and suggestions for misspelt ones.

use regcred_config::nearest;
use regcred_core::odd_character;

/// The form of a region name, as a regular expression for the JSON schema.
pub(super) const REGION: &str = r"^[a-z]+(-[a-z]+)+-[0-9]{1,2}$";
/// The direction words in region names.
const SIDES: [&str; 9] =
    ["central", "east", "north", "northeast", "northwest", "south", "southeast", "southwest", "west"];

/// Regions that a message may suggest, as the AWS SDK 1.138 lists them. Newer regions are valid too.
const KNOWN: [&str; 46] = [
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "cn-north-1",
    "cn-northwest-1",
    "eu-central-1",
    "eu-central-2",
    "eu-isoe-west-1",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "eusc-de-east-1",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-gov-east-1",
    "us-gov-west-1",
    "us-iso-east-1",
    "us-iso-west-1",
    "us-isob-east-1",
    "us-isob-west-1",
    "us-isof-east-1",
    "us-isof-south-1",
    "us-west-1",
    "us-west-2",
];

/// Returns a message if a name does not have the form of a region. The message suggests only known regions.
pub(super) fn check(text: &str) -> Result<(), String> {
    if check_shape(text).is_ok() {
        return Ok(());
    }
    if let Some(odd) = odd_character(text) {
        return Err(format!("{text:?} is not an AWS region: {odd}"));
    }
    let plain = text.trim().to_ascii_lowercase().replace(['_', ' '], "-");
    let zone = plain.strip_suffix(|it: char| it.is_ascii_lowercase()).and_then(known);
    let corrected = check_shape(&plain).err().flatten();
    Err(match (known(&plain).or_else(|| known(&corrected?)), zone) {
        (Some(meant), _) => format!("{text:?} is not an AWS region; did you mean {meant}?"),
        (None, Some(meant)) => {
            format!("{text:?} is an availability zone, not an AWS region; did you mean {meant}?")
        }
        (None, None) => format!("{text:?} is not an AWS region, such as eu-west-1"),
    })
}

fn known(name: &str) -> Option<&'static str> {
    KNOWN.into_iter().find(|known| *known == name)
}

/// Fails if a name does not have the form of a region. If only the direction word is wrong, the error is the name with
/// the nearest one.
fn check_shape(text: &str) -> Result<(), Option<String>> {
    let words = text.split('-').collect::<Vec<_>>();
    let is_word = |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    let is_number = |number: &str| matches!(number.len(), 1 | 2) && number.bytes().all(|byte| byte.is_ascii_digit());
    let [place @ .., side, number] = words.as_slice() else { return Err(None) };
    if place.is_empty() || !place.iter().all(is_word) || !is_number(number) {
        return Err(None);
    }
    if SIDES.contains(side) {
        return Ok(());
    }
    let meant = nearest(side, SIDES.into_iter()).filter(|(distance, _)| *distance <= 2);
    Err(meant.map(|(_, meant)| format!("{}-{meant}-{number}", place.join("-"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_regions_are_suggested() {
        for (text, expected) in [
            ("eu-west-1a", "is an availability zone, not an AWS region; did you mean eu-west-1?"),
            ("eu-west-9x", "is not an AWS region, such as eu-west-1"),
            ("eu-west-99", ""),
            ("eu-wset-1", "is not an AWS region; did you mean eu-west-1?"),
            ("eu-wset-9", "is not an AWS region, such as eu-west-1"),
            ("EU_WEST_2", "is not an AWS region; did you mean eu-west-2?"),
            ("EU-WSET-2", "is not an AWS region; did you mean eu-west-2?"),
            ("EU_WEST_9", "is not an AWS region, such as eu-west-1"),
            ("us-gov-esat-1", "is not an AWS region; did you mean us-gov-east-1?"),
            ("us-gov-east-7b", "is not an AWS region, such as eu-west-1"),
            ("eu-moon-1", "is not an AWS region, such as eu-west-1"),
            ("moon", "is not an AWS region, such as eu-west-1"),
            ("", "is not an AWS region, such as eu-west-1"),
        ] {
            let told = check(text).err().unwrap_or_default();
            let expected = if expected.is_empty() { String::new() } else { format!("{text:?} {expected}") };
            assert_eq!(told, expected, "{text}");
        }
    }

    #[test]
    fn every_known_region_is_valid() {
        for name in KNOWN {
            assert_eq!(check(name), Ok(()), "{name}");
        }
        assert!(KNOWN.is_sorted());
    }
}
