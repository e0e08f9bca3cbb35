//! Properties of ECR hosts: which ones are registries, and their account and region.

use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
};
use regcred_core::ErrorKind;

use crate::host::{AccountId, Region, RegistryHost};

/// The region prefixes, each with the domain of plain hosts and of dual-stack hosts. An empty domain means no such
/// hosts.
const PARTITIONS: [(&str, &str, &str); 16] = [
    ("us-gov-", "amazonaws.com", "on.aws"),
    ("us-isob-", "sc2s.sgov.gov", ""),
    ("us-isof-", "csp.hci.ic.gov", ""),
    ("us-iso-", "c2s.ic.gov", ""),
    ("eu-isoe-", "cloud.adc-e.uk", ""),
    ("eusc-de-", "amazonaws.eu", ""),
    ("cn-", "amazonaws.com.cn", "on.amazonwebservices.com.cn"),
    ("us-", "amazonaws.com", "on.aws"),
    ("eu-", "amazonaws.com", "on.aws"),
    ("ap-", "amazonaws.com", "on.aws"),
    ("sa-", "amazonaws.com", "on.aws"),
    ("ca-", "amazonaws.com", "on.aws"),
    ("me-", "amazonaws.com", "on.aws"),
    ("af-", "amazonaws.com", "on.aws"),
    ("il-", "amazonaws.com", "on.aws"),
    ("mx-", "amazonaws.com", "on.aws"),
];

#[derive(Clone, Debug)]
struct Host {
    account: String,
    region: String,
    text: String,
}

fn host() -> impl Strategy<Value = Host> {
    let place = "(north|south|east|west|central|southeast|[a-z]{2,9})";
    let place = place.prop_filter("a partition of its own", |it| !it.starts_with("iso") && !it.starts_with("gov"));
    let parts = ("[0-9]{12}", select(&PARTITIONS[..]), place, "[0-9]{1,2}", 0..4_usize);
    parts.prop_map(|(account, (prefix, plain, dual_stack), place, number, form)| {
        let region = format!("{prefix}{place}-{number}");
        let fips = if form % 2 == 1 { "-fips" } else { "" };
        let text = if form / 2 == 1 && !dual_stack.is_empty() {
            format!("{account}.dkr-ecr{fips}.{region}.{dual_stack}")
        } else {
            format!("{account}.dkr.ecr{fips}.{region}.{plain}")
        };
        Host { account, region, text }
    })
}

/// Valid hosts with one change: a character more, less or replaced, a prefix, a suffix, or upper case.
fn mutated() -> impl Strategy<Value = Vec<String>> {
    let odd =
        prop_oneof!["[0-9]", "[a-z]", "[-.:/@*? \n]", "\\PC", select(vec!["fips", "-fips", "iso"]).prop_map_into()];
    let around = select(vec![
        "https://",
        "http://",
        "x",
        "0",
        ".",
        ".evil.example",
        ".cn",
        ":443",
        "/",
        "/x",
        "@evil.example",
        " ",
        "\n",
    ]);
    let mutation = (0..8_u8, any::<Index>(), odd, around);
    (host(), vec(mutation, 8)).prop_map(|(Host { text: host, .. }, mutations)| {
        let starts = host.match_indices(['.', '-']).map(|(place, _)| place + 1).chain([0]).collect::<Vec<_>>();
        let mutate = |(how, place, odd, around): (u8, Index, String, &str)| {
            let mut text = host.clone();
            let (place, start) = (place.index(text.len()), *place.get(&starts));
            match how {
                0 => text.insert_str(place, &odd),
                1 => text.insert_str(start, &odd),
                2 => drop(text.remove(place)),
                3 => text.replace_range(place..=place, &odd),
                4 => text.insert_str(0, around),
                5 => text.push_str(around),
                6 => text.make_ascii_uppercase(),
                _ => text[place..].make_ascii_uppercase(),
            }
            text
        };
        mutations.into_iter().map(mutate).collect()
    })
}

/// Returns the account, the region and the domain of such a text.
fn labels(text: &str) -> Option<(&str, &str, &str)> {
    let (account, rest) = text.split_once('.')?;
    let (service, rest) = rest.split_once('.')?;
    let (service, rest) = if service == "dkr" { rest.split_once('.')? } else { (service, rest) };
    let (region, domain) = rest.split_once('.')?;
    service.contains("ecr").then_some((account, region, domain))
}

fn domains(region: &str) -> Option<[&'static str; 2]> {
    let (_, plain, dual_stack) = PARTITIONS.iter().find(|(prefix, ..)| region.starts_with(prefix))?;
    Some([plain, dual_stack])
}

proptest! {
    #![proptest_config(super::config())]

    #[test]
    fn every_ecr_host_is_parsed_and_written_unchanged(host in host()) {
        let read = RegistryHost::parse(&host.text).expect("it is one");
        prop_assert_eq!(read.to_string(), host.text.as_str());
        prop_assert_eq!(read.registry().to_string(), host.text);
        prop_assert_eq!(read.account(), &AccountId::new(host.account).expect("it is one"));
        prop_assert_eq!(read.region(), &Region::new(host.region).expect("it is one"));
    }

    #[test]
    fn a_nearly_valid_host_is_refused_or_parsed_into_its_own_labels(texts in mutated()) {
        for text in texts {
            match RegistryHost::parse(&text) {
                Ok(read) => {
                    prop_assert_eq!(read.to_string(), text.as_str());
                    let (account, region, domain) = labels(&text).expect("it has the labels of one");
                    prop_assert_eq!((read.account().to_string(), 12), (account.to_owned(), account.len()));
                    prop_assert_eq!(read.region().as_str(), region);
                    prop_assert!(domains(region).expect("a partition").contains(&domain), "{}", text);
                }
                Err(error) => prop_assert_eq!(error.kind(), ErrorKind::Invalid),
            }
        }
    }

    #[test]
    fn the_domain_of_another_partition_is_refused(host in host(), other in select(&PARTITIONS[..])) {
        let (_, _, domain) = labels(&host.text).expect("it has the labels of one");
        for other in [other.1, other.2] {
            let text = host.text.strip_suffix(domain).expect("it ends so").to_owned() + other;
            prop_assert_eq!(RegistryHost::parse(&text).is_ok(), other == domain, "{}", text);
        }
    }

    #[test]
    fn any_text_is_parsed_unchanged_or_refused(text in any::<String>()) {
        let read = RegistryHost::parse(&text).map(|it| it.to_string());
        prop_assert!(read.is_err() || read.ok() == Some(text));
    }
}
