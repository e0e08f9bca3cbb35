//! Records the provider and the dates of each login. A Docker config has no field for them.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use jiff::Timestamp;
use regcred_core::{Issuer, ProviderName, Registry, Validity, earliest_by_provider};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The provider and the dates of the login of a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The provider.
    pub provider: ProviderName,
    /// The issue date, the expiry and the issuer.
    pub validity: Validity,
    /// The [digest] of the entry, if another writer can change the entry. `None` if the store itself shows changes.
    pub digest: Option<String>,
    /// Whether some readers of the config get another login, or none, instead of this one.
    pub is_hidden: bool,
}

/// A record for each registry.
pub type Records = BTreeMap<Registry, Record>;

#[derive(Deserialize, Serialize)]
struct Wire {
    provider: String,
    issued_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    hidden: bool,
    /// The account that minted the login, in hexadecimal digits. Some JSON readers cannot represent a 64-bit number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    issuer: Option<String>,
}

/// Returns a digest of an entry of `auths`, as 16 hexadecimal digits. It does not reveal the entry.
pub fn digest(entry: &str) -> String {
    let first = Sha256::digest(entry)[..8].iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
    format!("{first:016x}")
}

/// Returns records as a JSON object with a field for each registry.
pub fn write(records: &Records) -> String {
    let wire = |record: &Record| Wire {
        provider: record.provider.to_string(),
        issued_at: timestamp(record.validity.issued_at()),
        expires_at: record.validity.expires_at().map(timestamp),
        digest: record.digest.clone(),
        hidden: record.is_hidden,
        issuer: record.validity.issuer().map(|issuer| format!("{:016x}", issuer.number())),
    };
    let wire = records.iter().map(|(registry, record)| (registry.as_str(), wire(record))).collect::<BTreeMap<_, _>>();
    serde_json::to_string(&wire).unwrap_or_default() // Text and dates always serialize
}

/// Parses the output of [`write()`]. Returns `None` for any other text.
pub fn read(annotation: &str) -> Option<Records> {
    let wire = serde_json::from_str::<BTreeMap<String, Wire>>(annotation).ok()?;
    let record = |(host, wire): (String, Wire)| -> Option<(Registry, Record)> {
        let registry = Registry::new(&host).ok().filter(|it| it.as_str() == host)?;
        let validity = Validity::new(system_time(wire.issued_at), wire.expires_at.map(system_time)).ok()?;
        let issuer = wire.issuer.and_then(|digits| u64::from_str_radix(&digits, 16).ok()).and_then(Issuer::from_number);
        let validity = validity.with_issuer(issuer);
        let provider = ProviderName::new(wire.provider).ok()?;
        Some((registry, Record { provider, validity, digest: wire.digest, is_hidden: wire.hidden }))
    };
    wire.into_iter().map(record).collect()
}

/// Returns the earliest expiry and the latest issue date of all records, in RFC 3339. `None` if no record has that
/// date.
pub fn summary(records: &Records) -> (Option<String>, Option<String>) {
    let validities = || records.values().map(|record| record.validity);
    let text = |time| timestamp(time).to_string();
    (
        validities().filter_map(|it| it.expires_at()).min().map(text),
        validities().map(|it| it.issued_at()).max().map(text),
    )
}

/// Returns the dates of each provider, from its record that expires first.
pub fn by_provider(records: &Records) -> BTreeMap<ProviderName, Validity> {
    earliest_by_provider(records.values().map(|record| (&record.provider, record.validity)))
}

fn timestamp(time: SystemTime) -> Timestamp {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok()).unwrap_or(Timestamp::MAX)
}

fn system_time(timestamp: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(timestamp.as_second()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hours: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_hours(hours)
    }

    fn record(provider: &str, issued_at: u64, expires_at: Option<u64>) -> Record {
        let validity = Validity::new(at(issued_at), expires_at.map(at)).expect("valid");
        Record { provider: ProviderName::new(provider).expect("valid"), validity, digest: None, is_hidden: false }
    }

    #[test]
    fn written_records_are_read_back() {
        let keyed = |(registry, record)| (Registry::new(registry).expect("valid"), record);
        let records = [("a.example", record("one", 0, Some(12))), ("b.example/x", record("two", 1, None))];
        let records = records.map(keyed).into_iter().collect::<Records>();
        let written = write(&records);
        assert_eq!(
            written,
            r#"{"a.example":{"provider":"one","issued_at":"1970-01-01T00:00:00Z","expires_at":"1970-01-01T12:00:00Z"},"#
                .to_owned() + r#""b.example/x":{"provider":"two","issued_at":"1970-01-01T01:00:00Z"}}"#
        );
        assert_eq!(read(&written), Some(records.clone()));
        let (expires_at, refreshed_at) = summary(&records);
        assert_eq!(expires_at.as_deref(), Some("1970-01-01T12:00:00Z"));
        assert_eq!(refreshed_at.as_deref(), Some("1970-01-01T01:00:00Z"));
    }

    #[test]
    fn an_issuer_is_read_back_and_a_malformed_issuer_is_ignored() {
        let of = |account: &str| {
            let mut record = record("one", 0, Some(12));
            record.validity = record.validity.with_issuer(Some(Issuer::of(account)));
            Records::from([(Registry::new("a.example").expect("valid"), record)])
        };
        for account in ["000000000000", "123456789012", "", "\u{e4}"] {
            let written = write(&of(account));
            assert_eq!(read(&written), Some(of(account)));
            assert!(account.is_empty() || !written.contains(account), "{written}");
        }
        let entry = |issuer: &str| {
            format!(r#"{{"a.example":{{"provider":"one","issued_at":"1970-01-01T00:00:00Z","issuer":"{issuer}"}}}}"#)
        };
        for malformed in ["", "0", "x", "-1", "10000000000000000"] {
            let records = read(&entry(malformed)).expect("the rest is believed");
            assert!(records.values().all(|record| record.validity.issuer().is_none()), "{malformed}");
        }
    }

    #[test]
    fn records_that_regcred_would_not_write_are_ignored() {
        let bad = [
            "",
            "[]",
            r#"{"https://a":{"provider":"one","issued_at":"1970-01-01T00:00:00Z"}}"#,
            r#"{"a":{"provider":"One","issued_at":"1970-01-01T00:00:00Z"}}"#,
            r#"{"a":{"provider":"one","issued_at":"yesterday"}}"#,
            r#"{"a":{"provider":"one","issued_at":"1970-01-02T00:00:00Z","expires_at":"1970-01-01T00:00:00Z"}}"#,
        ];
        for bad in bad {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
