//! Objects of the API server, reduced to what regcred needs.
//!
//! A tenant can write anything into its own objects. So this module limits the depth and size of `managedFields`, the
//! size of annotations and labels, and the length of lists. An object beyond a limit is [`Unreadable`] and fails only
//! its own target.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use k8s_openapi::{
    ByteString,
    api::core::v1::{Secret, ServiceAccount},
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time},
};
use regcred_core::Refusal;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::{
    managed_fields::Entry,
    record::{HOSTS, LAST_APPLIED, MERGED, OURS},
    refusal::{self, DOCKER_CONFIG},
    stream::Piece,
};

/// The limit of `managedFields`. A dozen managers with a few hundred bytes each are far below it.
const LARGEST_FIELDS: usize = 16 * 1024;
/// The limit of all labels. Values have 63 characters.
const LARGEST_LABELS: usize = 64 * 1024;
/// The limit of `regcred.dev/hosts`, which has 180 bytes for each registry.
const LARGEST_HOSTS: usize = 64 * 1024;
/// The limit of any other annotation of ours, and of those of the config.
const LARGEST_ANNOTATION: usize = 4 * 1024;
/// The limit of entries in one list of a ServiceAccount. The guard compares lists up to this length.
pub(crate) const LONGEST_LIST: usize = 500;

/// The annotations to keep, in addition to those of regcred.
pub(crate) type KeptAnnotations = BTreeSet<String>;

/// A reduced object, or the reason why it cannot be used.
pub(crate) type Decoded<T> = Result<T, Box<Unreadable>>;

/// An object that cannot be used.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Unreadable {
    /// Its address, uid, version and labels, as far as they were read.
    pub(crate) metadata: ObjectMeta,
    pub(crate) reason: String,
    /// Whether it was too large, so that only its beginning was read.
    pub(crate) is_cut_off: bool,
}

/// One object of a list.
#[derive(Debug)]
pub(crate) struct ListItem<T> {
    pub(crate) namespace: String,
    /// `None` if it is too large to be kept or cannot be decoded. Its target then reads it separately.
    pub(crate) object: Option<T>,
    /// Size as JSON, in bytes.
    pub(crate) size: usize,
}

/// The limit of one object that is kept. A Secret of regcred has 3 kB without its data.
const LARGEST_KEPT: usize = 16 * 1024;

impl<T> ListItem<T> {
    /// Reads one object of a list. `metadata` returns the metadata of a decoded object.
    pub(crate) fn read(
        piece: Piece<'_>,
        decode: impl FnOnce(Piece<'_>) -> Decoded<T>,
        metadata: impl FnOnce(&T) -> &ObjectMeta,
    ) -> Self {
        let is_small = piece.is_whole && piece.bytes.len() <= LARGEST_KEPT;
        let object = is_small.then(|| decode(piece).ok()).flatten();
        let namespace = match &object {
            Some(object) => metadata(object).namespace.clone(),
            None => beginning(text(piece.bytes)).namespace,
        };
        Self { namespace: namespace.unwrap_or_default(), object, size: piece.bytes.len() }
    }
}

/// A Secret with one of its values. It has no `Debug`, so that the value cannot be printed.
pub(crate) struct Stored {
    pub(crate) metadata: ObjectMeta,
    /// The value of the requested key.
    pub(crate) data: Option<Vec<u8>>,
    type_: String,
    immutable: bool,
}

impl Stored {
    #[cfg(test)]
    pub(crate) fn holding(data: &[u8]) -> Self {
        Self { metadata: ObjectMeta::default(), data: Some(data.into()), type_: DOCKER_CONFIG.into(), immutable: false }
    }

    /// Returns the reason why a credential cannot be kept in it, if there is one.
    pub(crate) fn unfit(&self) -> Option<Refusal> {
        if self.type_ != DOCKER_CONFIG {
            return Some(refusal::wrong_type(Some(&self.type_)));
        }
        self.immutable.then(refusal::immutable)
    }
}

/// One event of a watch.
pub(crate) enum WatchLine<'a> {
    Added(Piece<'a>),
    Modified(Piece<'a>),
    Deleted(Piece<'a>),
    /// Nothing has happened until this version.
    Bookmark(Box<ObjectMeta>),
    /// The server ends the watch with this status.
    Error(Box<kube::core::Status>),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Object<'a> {
    #[serde(borrow)]
    metadata: Metadata<'a>,
    #[serde(borrow)]
    image_pull_secrets: Option<&'a RawValue>,
    #[serde(borrow)]
    secrets: Option<&'a RawValue>,
    #[serde(borrow, rename = "type")]
    type_: Option<&'a RawValue>,
    #[serde(borrow)]
    immutable: Option<&'a RawValue>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metadata<'a> {
    name: String,
    namespace: String,
    uid: Option<String>,
    resource_version: Option<String>,
    creation_timestamp: Option<String>,
    deletion_timestamp: Option<IgnoredAny>,
    #[serde(borrow)]
    labels: Option<&'a RawValue>,
    #[serde(borrow)]
    annotations: Option<&'a RawValue>,
    #[serde(borrow)]
    owner_references: Option<&'a RawValue>,
    #[serde(borrow)]
    managed_fields: Option<&'a RawValue>,
}

/// Returns the metadata of an object of any kind, with `managedFields`.
pub(crate) fn metadata(piece: Piece<'_>, kept: &KeptAnnotations) -> Decoded<ObjectMeta> {
    object(piece)?.metadata.reduce(kept, true)
}

/// Returns the metadata of an object without `managedFields`, as far as it is readable.
pub(crate) fn readable_metadata(piece: Piece<'_>) -> ObjectMeta {
    let metadata = object(piece).and_then(|object| object.metadata.reduce(&KeptAnnotations::new(), false));
    metadata.unwrap_or_else(|unreadable| unreadable.metadata)
}

/// Returns the two lists of a ServiceAccount and its version.
pub(crate) fn account(piece: Piece<'_>) -> Decoded<ServiceAccount> {
    let Object { metadata, image_pull_secrets, secrets, .. } = object(piece)?;
    let too_long = |list: &str| metadata.unreadable(&format!("its {list} has more than {LONGEST_LIST} entries"));
    Ok(ServiceAccount {
        metadata: metadata.address(),
        image_pull_secrets: bounded(image_pull_secrets).map_err(|()| too_long("imagePullSecrets"))?,
        secrets: bounded(secrets).map_err(|()| too_long("secrets"))?,
        ..ServiceAccount::default()
    })
}

/// Returns a Secret with the value of one key of its data.
pub(crate) fn secret(piece: Piece<'_>, kept: &KeptAnnotations, key: &str) -> Decoded<Stored> {
    let object = object(piece)?;
    let text = |raw: &RawValue| serde_json::from_str::<String>(raw.get()).ok();
    let data =
        object.data.map(|raw| serde_json::from_str::<BTreeMap<String, &RawValue>>(raw.get()).unwrap_or_default());
    let data = data.as_ref().and_then(|data| data.get(key)).map(|raw| {
        let bytes = text(raw).and_then(|text| STANDARD.decode(text).ok());
        bytes.ok_or_else(|| object.metadata.unreadable("its data is not base64"))
    });
    Ok(Stored {
        data: data.transpose()?,
        type_: object.type_.and_then(text).unwrap_or_default(),
        immutable: object.immutable.is_some_and(|raw| raw.get() == "true"),
        metadata: object.metadata.reduce(kept, true)?,
    })
}

/// Returns a Secret with all of its values. They are absent if one of them is not base64.
pub(crate) fn whole_secret(piece: Piece<'_>, kept: &KeptAnnotations) -> Decoded<Secret> {
    let object = object(piece)?;
    let text = |raw: &RawValue| serde_json::from_str::<String>(raw.get()).ok();
    let data = object.data.and_then(|raw| serde_json::from_str::<BTreeMap<String, ByteString>>(raw.get()).ok());
    Ok(Secret {
        data,
        type_: object.type_.and_then(text),
        immutable: object.immutable.map(|raw| raw.get() == "true"),
        metadata: object.metadata.reduce(kept, true)?,
        ..Secret::default()
    })
}

/// Parses one line of a watch. Returns `None` if it is not an event.
pub(crate) fn watch_line(piece: Piece<'_>) -> Option<WatchLine<'_>> {
    #[derive(Deserialize)]
    struct Line<'a> {
        #[serde(rename = "type")]
        kind: &'a str,
        #[serde(borrow)]
        object: &'a RawValue,
    }
    let text = text(piece.bytes);
    let (kind, object) = if piece.is_whole {
        let Line { kind, object } = serde_json::from_str(text).ok()?;
        (kind, Piece { bytes: object.get().as_bytes(), is_whole: true })
    } else {
        // The type comes first, and is short.
        let (kind, object) = text.strip_prefix(r#"{"type":""#)?.split_once(r#"","object":"#)?;
        (kind, Piece { bytes: object.as_bytes(), is_whole: false })
    };
    Some(match kind {
        "ADDED" => WatchLine::Added(object),
        "MODIFIED" => WatchLine::Modified(object),
        "DELETED" => WatchLine::Deleted(object),
        "BOOKMARK" => WatchLine::Bookmark(readable_metadata(object).into()),
        _ => WatchLine::Error(serde_json::from_slice(object.bytes).ok()?),
    })
}

/// Returns the part that is UTF-8, because a truncated object may end within a character.
fn text(bytes: &[u8]) -> &str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
    }
}

fn object(piece: Piece<'_>) -> Decoded<Object<'_>> {
    let text = text(piece.bytes);
    let unreadable = |reason: &str| {
        Box::new(Unreadable { metadata: beginning(text), reason: reason.to_owned(), is_cut_off: !piece.is_whole })
    };
    if !piece.is_whole {
        return Err(unreadable("it is too large"));
    }
    serde_json::from_str(text).map_err(|_| unreadable("it is not an object of this kind"))
}

impl<'a> Metadata<'a> {
    /// Returns the address, the uid and the version.
    fn address(&self) -> ObjectMeta {
        ObjectMeta {
            name: Some(self.name.clone()),
            namespace: Some(self.namespace.clone()).filter(|it| !it.is_empty()),
            uid: self.uid.clone(),
            resource_version: self.resource_version.clone(),
            ..ObjectMeta::default()
        }
    }

    fn unreadable(&self, reason: &str) -> Box<Unreadable> {
        Box::new(Unreadable { metadata: self.address(), reason: reason.to_owned(), is_cut_off: false })
    }

    fn field<T: Deserialize<'a>>(&self, raw: Option<&'a RawValue>, largest: usize, what: &str) -> Decoded<Option<T>> {
        let Some(raw) = raw else { return Ok(None) };
        if raw.get().len() > largest {
            return Err(self.unreadable(&format!("its {what} are larger than {} kB", largest / 1024)));
        }
        serde_json::from_str(raw.get()).map(Some).map_err(|_| self.unreadable(&format!("its {what} are malformed")))
    }

    fn reduce(self, kept: &KeptAnnotations, with_managers: bool) -> Decoded<ObjectMeta> {
        let managed_fields = self.managed_fields.filter(|_| with_managers);
        let managed_fields = self.field::<Vec<Entry>>(managed_fields, LARGEST_FIELDS, "managedFields")?;
        Ok(ObjectMeta {
            labels: self.field(self.labels, LARGEST_LABELS, "labels")?,
            annotations: annotations(self.annotations, kept),
            owner_references: self.field(self.owner_references, LARGEST_FIELDS, "ownerReferences")?,
            managed_fields: managed_fields.map(|entries| entries.into_iter().map(Entry::reduce).collect()),
            creation_timestamp: self.creation_timestamp.as_ref().and_then(|it| it.parse().ok()).map(Time),
            deletion_timestamp: self.deletion_timestamp.map(|_| Time(Timestamp::UNIX_EPOCH)),
            ..self.address()
        })
    }
}

/// Returns the kept annotations, and an empty `last-applied-configuration` if there is one, because its value can
/// contain a token. An annotation of regcred that is longer than regcred writes it counts as absent.
fn annotations(raw: Option<&RawValue>, kept: &KeptAnnotations) -> Option<BTreeMap<String, String>> {
    let all = serde_json::from_str::<BTreeMap<String, &RawValue>>(raw?.get()).ok()?;
    let reduced = all.into_iter().filter_map(|(name, value)| {
        let largest = match name.as_str() {
            LAST_APPLIED => return Some((name, String::new())),
            name if kept.contains(name) => usize::MAX, // the server accepts 256 kB in total
            HOSTS => LARGEST_HOSTS,
            name if name.starts_with(MERGED) => LARGEST_HOSTS,
            name if OURS.contains(&name) => LARGEST_ANNOTATION,
            _ => return None,
        };
        let value = (value.get().len() <= largest).then(|| serde_json::from_str(value.get()).ok()).flatten()?;
        Some((name, value))
    });
    Some(reduced.collect())
}

/// Parses a list of at most [`LONGEST_LIST`] entries.
fn bounded<'a, T: Deserialize<'a>>(list: Option<&'a RawValue>) -> Result<Option<Vec<T>>, ()> {
    let Some(list) = list else { return Ok(None) };
    let entries = serde_json::from_str::<Option<Vec<&RawValue>>>(list.get()).map_err(drop)?;
    let Some(entries) = entries else { return Ok(None) };
    if entries.len() > LONGEST_LIST {
        return Err(());
    }
    entries.into_iter().map(|entry| serde_json::from_str(entry.get()).map_err(drop)).collect::<Result<_, _>>().map(Some)
}

/// Reads address, uid, version and labels from the beginning of an object.
fn beginning(text: &str) -> ObjectMeta {
    let found = RefCell::default();
    // The text may end anywhere, so the error is expected. The fields before it are read.
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let _ = Beginning { found: &found, is_metadata: false }.deserialize(&mut deserializer);
    found.into_inner()
}

struct Beginning<'a> {
    found: &'a RefCell<ObjectMeta>,
    is_metadata: bool,
}

impl<'de> DeserializeSeed<'de> for Beginning<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Beginning<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match (self.is_metadata, key.as_str()) {
                (false, "metadata") => map.next_value_seed(Beginning { found: self.found, is_metadata: true })?,
                (true, "name") => self.found.borrow_mut().name = map.next_value()?,
                (true, "namespace") => self.found.borrow_mut().namespace = map.next_value()?,
                (true, "uid") => self.found.borrow_mut().uid = map.next_value()?,
                (true, "resourceVersion") => self.found.borrow_mut().resource_version = map.next_value()?,
                (true, "labels") => self.found.borrow_mut().labels = map.next_value()?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{account as account_of, secret as secret_of, *};
    use crate::{
        managed_fields::DEEPEST_FIELDS,
        record::{LINKS, MANAGED_BY, TARGET},
    };

    fn whole(text: &str) -> Piece<'_> {
        Piece { bytes: text.as_bytes(), is_whole: true }
    }

    fn object(metadata: &str) -> String {
        format!(r#"{{"kind":"Secret","metadata":{{"name":"s","namespace":"a",{metadata}}}}}"#)
    }

    fn entry(fields: &str) -> String {
        object(&format!(
            r#""managedFields":[{{"manager":"t","operation":"Update","time":"9999-12-31T23:59:59Z","fieldsV1":{fields}}}]"#
        ))
    }

    #[test]
    fn managed_fields_of_any_depth_are_decoded() {
        for depth in [1, DEEPEST_FIELDS, DEEPEST_FIELDS + 1, 127, 128, 200, 2_000] {
            let deep = format!("{}{{}}{}", r#"{"f:a":"#.repeat(depth), "}".repeat(depth));
            let metadata = metadata(whole(&entry(&deep)), &KeptAnnotations::new()).expect("it is read");
            let fields = &metadata.managed_fields.expect("there are some")[0];
            assert_eq!((fields.manager.as_deref(), fields.time.as_ref()), (Some("t"), None));
            let text = fields.fields_v1.as_ref().expect("there are some").0.to_string();
            assert_eq!(text.matches("f:a").count(), depth.min(DEEPEST_FIELDS), "{depth}");
        }
        let usual = r#"{"f:data":{".":{},"f:.dockerconfigjson":{}},"f:metadata":{"f:ownerReferences":{"k:{\"uid\":\"u\"}":{}}}}"#;
        let read = metadata(whole(&entry(usual)), &KeptAnnotations::new()).expect("it is read");
        let fields = read.managed_fields.expect("there are some")[0].fields_v1.clone().expect("there are some").0;
        assert_eq!(fields, serde_json::from_str::<Value>(usual).expect("JSON"));
    }

    #[test]
    fn a_field_over_its_size_limit_is_reported_with_its_object() {
        let large = "x".repeat(LARGEST_LABELS);
        for (text, reason) in [
            (
                object(&format!(r#""managedFields":[{{"manager":"{large}"}}]"#)),
                "its managedFields are larger than 16 kB",
            ),
            (object(&format!(r#""labels":{{"a":"{large}"}}"#)), "its labels are larger than 64 kB"),
            (
                object(&format!(r#""ownerReferences":[{{"name":"{large}"}}]"#)),
                "its ownerReferences are larger than 16 kB",
            ),
            (object(r#""managedFields":{}"#), "its managedFields are malformed"),
            (object(r#""labels":[]"#), "its labels are malformed"),
            (object(r#""managedFields":[{"fieldsV1":[]}]"#), "its managedFields are malformed"),
        ] {
            let unreadable = metadata(whole(&text), &KeptAnnotations::new()).expect_err(reason);
            assert_eq!(
                (unreadable.metadata.namespace.as_deref(), unreadable.metadata.name.as_deref()),
                (Some("a"), Some("s"))
            );
            assert_eq!(unreadable.reason, reason);
        }
    }

    #[test]
    fn the_first_fields_of_a_truncated_object_are_decoded() {
        let text = object(r#""uid":"u","resourceVersion":"7","labels":{"team":"x"},"annotations":{"a":"bcd"#);
        for end in text.find("bcd").expect("it is there")..text.len() {
            let piece = Piece { bytes: &text.as_bytes()[..end], is_whole: false };
            let unreadable = metadata(piece, &KeptAnnotations::new()).expect_err("it is cut off");
            assert_eq!(unreadable.reason, "it is too large");
            let metadata = unreadable.metadata;
            assert_eq!((metadata.name.as_deref(), metadata.resource_version.as_deref()), (Some("s"), Some("7")));
            assert_eq!(metadata.namespace.as_deref(), Some("a"), "its target is observed");
            assert_eq!(metadata.labels, Some([("team".to_owned(), "x".to_owned())].into()));
        }
        let event = format!(r#"{{"type":"MODIFIED","object":{text}"#);
        let cut = Piece { bytes: &event.as_bytes()[..event.len() - 1], is_whole: false };
        let Some(WatchLine::Modified(piece)) = watch_line(cut) else { panic!("it is an event") };
        assert_eq!(
            metadata(piece, &KeptAnnotations::new()).expect_err("it is cut off").metadata.name.as_deref(),
            Some("s")
        );
    }

    #[test]
    fn only_own_and_configured_annotations_within_the_size_limit_are_kept() {
        let long = "x".repeat(LARGEST_ANNOTATION);
        let annotations = json!({
            TARGET: "a/s", "regcred.dev/x-1": "y", LINKS: long, "example.com/team": "z", "other": long,
            LAST_APPLIED: "canary", HOSTS: "x".repeat(LARGEST_HOSTS), "merge.regcred.dev/default": "{}",
        });
        let text = object(&format!(r#""annotations":{annotations}"#));
        let kept = KeptAnnotations::from(["example.com/team".to_owned()]);
        let read = metadata(whole(&text), &kept).expect("it is read").annotations.expect("there are some");
        let expected =
            [(TARGET, "a/s"), ("example.com/team", "z"), (LAST_APPLIED, ""), ("merge.regcred.dev/default", "{}")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(read, BTreeMap::from(expected));
    }

    #[test]
    fn a_service_account_list_over_the_length_limit_is_refused() {
        let account = |count: usize| {
            let list = (0..count).map(|number| json!({ "name": format!("s-{number}") })).collect::<Vec<_>>();
            let mut object =
                json!({ "metadata": { "name": "default", "namespace": "a", "resourceVersion": "7" }, "secrets": null });
            object["imagePullSecrets"] = json!(list);
            account_of(whole(&object.to_string()))
        };
        let read = account(LONGEST_LIST).expect("it is read");
        assert_eq!((read.image_pull_secrets.map(|it| it.len()), read.secrets), (Some(LONGEST_LIST), None));
        assert_eq!(
            account(LONGEST_LIST + 1).expect_err("it is too long").reason,
            "its imagePullSecrets has more than 500 entries"
        );
    }

    #[test]
    fn only_one_value_of_a_secret_is_decoded() {
        let secret = |data: &str| {
            let metadata = format!(r#"{{"name":"s","labels":{{"{MANAGED_BY}":"regcred"}}}}"#);
            let text = format!(r#"{{"metadata":{metadata},"type":"t","immutable":true,"data":{data}}}"#);
            secret_of(whole(&text), &KeptAnnotations::new(), "k").map(|it| (it.data, it.type_, it.immutable))
        };
        assert_eq!(secret(r#"{"a":7,"k":"e30="}"#), Ok((Some(b"{}".to_vec()), "t".into(), true)));
        assert_eq!(secret("null"), Ok((None, "t".into(), true)));
        assert_eq!(secret(r#"{"k":"%"}"#).expect_err("it is not base64").reason, "its data is not base64");
    }
}
