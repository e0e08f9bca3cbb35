//! Properties of names and registries.

use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
};
use regcred_core::{ErrorKind, InstanceName, Namespace, ProviderName, Registry, SecretName, StoreName};

/// The state of a parser for the grammar of `host[:port][/path]` that reads one character at a time.
#[derive(Clone, Copy)]
enum Place {
    LabelStart,
    Label,
    LabelDash,
    Port(u32),
    SegmentStart,
    Segment,
}

impl Place {
    fn after(self, next: char) -> Option<Self> {
        let word = matches!(next, 'a'..='z' | '0'..='9');
        match (self, next) {
            (Self::LabelStart | Self::Label | Self::LabelDash, _) if word => Some(Self::Label),
            (Self::Label | Self::LabelDash, '-') => Some(Self::LabelDash),
            (Self::Label, '.') => Some(Self::LabelStart),
            (Self::Label, ':') => Some(Self::Port(0)),
            (Self::Port(0), '0') => None,
            (Self::Port(number), '0'..='9') => {
                let number = number * 10 + next.to_digit(10)?;
                (number < 1 << 16).then_some(Self::Port(number))
            }
            (Self::Label | Self::Port(1..) | Self::Segment, '/') => Some(Self::SegmentStart),
            (Self::SegmentStart | Self::Segment, '-' | '_' | '.') => Some(Self::Segment),
            (Self::SegmentStart | Self::Segment, _) if word => Some(Self::Segment),
            _ => None,
        }
    }
}

fn is_registry(text: &str) -> bool {
    let end = text.chars().try_fold(Place::LabelStart, Place::after);
    matches!(end, Some(Place::Label | Place::Port(1..) | Place::Segment))
}

fn is_subdomain(text: &str) -> bool {
    text.len() < 254 && !text.contains([':', '/']) && is_registry(text)
}

fn is_label(text: &str) -> bool {
    text.len() < 64 && !text.contains('.') && is_subdomain(text)
}

fn registry() -> impl Strategy<Value = String> {
    let host = "[a-z0-9]([a-z0-9-]{0,6}[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]{0,6}[a-z0-9])?){0,3}";
    (host, "(:[1-9][0-9]{0,4})?", "(/[a-z0-9._-]{1,6}){0,3}").prop_map(|(host, port, path)| host + &port + &path)
}

/// Generates valid names, nearly valid names, names near the length limits, and arbitrary text.
fn text() -> impl Strategy<Value = String> {
    let odd =
        prop_oneof!["[A-Z.:/*_+@ -]".boxed(), "\\PC".boxed(), select(vec!["://", "..", ":0", "0"]).prop_map_into()];
    let spoilt = (registry(), vec((odd, any::<Index>()), 1..3)).prop_map(|(mut text, odds)| {
        for (odd, place) in odds {
            let places = text.char_indices().map(|(place, _)| place).chain([text.len()]).collect::<Vec<_>>();
            text.insert_str(*place.get(&places), &odd);
        }
        text
    });
    let port = prop_oneof![(65_530..65_540_u32).prop_map(|port| port.to_string()), "[0+]?[0-9]{0,2}"]
        .prop_map(|port| format!("r.example:{port}"));
    prop_oneof![
        3 => registry(),
        4 => spoilt,
        2 => "[a-z0-9]{1,2}(:[0-9]{0,3})?(/[a-z0-9._@-]{0,3}){1,3}",
        2 => "[a-zA-Z0-9.:/*_+ -]{0,10}",
        1 => "[a-z0-9-]{62,65}",
        1 => "([a-z]{62}\\.){3}[a-z]{63,66}",
        1 => port,
        1 => any::<String>(),
    ]
}

proptest! {
    #![proptest_config(super::config())]

    #[test]
    fn every_valid_registry_is_accepted_unchanged(text in text()) {
        match Registry::new(&text) {
            Ok(registry) => {
                let form = registry.to_string();
                prop_assert!(is_registry(&form), "{:?} is read as {:?}", text, form);
                prop_assert!(!is_registry(&text) || form == text, "{:?} is changed to {:?}", text, form);
                prop_assert!(text.to_ascii_lowercase().contains(registry.host_and_port().split(':').next().unwrap_or("")));
                prop_assert_eq!(form.parse::<Registry>().expect("again"), registry);
            }
            Err(error) => {
                prop_assert!(!is_registry(&text), "{:?} is refused", text);
                prop_assert_eq!(error.kind(), ErrorKind::Invalid);
            }
        }
    }

    #[test]
    fn spellings_of_one_registry_are_equal(host in "[a-z0-9]{1,6}(\\.[a-z]{1,6}){0,2}", port in "(:[1-9][0-9]{0,2})?", path in "(/[a-u][a-z]{0,5}){0,2}") {
        let plain = Registry::new(format!("{host}{port}{path}")).expect("it is one");
        let upper = host.to_ascii_uppercase();
        let spelled = [
            format!("{upper}{port}{path}"),
            format!("http://{host}{port}/v2{path}"),
            format!("HTTP://{upper}{port}/v1{path}/"),
            format!("{host}{port}{path}//"),
        ];
        for spelled in spelled {
            prop_assert_eq!(&Registry::new(&spelled).expect("it is one"), &plain, "{}", spelled);
        }
    }

    #[test]
    fn exactly_the_names_that_kubernetes_accepts_are_valid(text in text()) {
        let labels = [
            Namespace::new(&text).map(|it| it.to_string()),
            ProviderName::new(&text).map(|it| it.to_string()),
            StoreName::new(&text).map(|it| it.to_string()),
            InstanceName::new(&text).map(|it| it.to_string()),
        ];
        let subdomain = SecretName::new(&text).map(|it| it.to_string());
        let all = labels.into_iter().map(|it| (it, is_label(&text))).chain([(subdomain, is_subdomain(&text))]);
        for (name, expected) in all {
            prop_assert_eq!(name.is_ok(), expected, "{:?}", name);
            match name {
                Ok(name) => prop_assert_eq!(&name, &text),
                Err(error) => prop_assert_eq!(error.kind(), ErrorKind::Invalid),
            }
        }
    }
}
