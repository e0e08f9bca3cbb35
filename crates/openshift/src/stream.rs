//! Reads answers of the API server, object by object as they arrive.
//!
//! A tenant can make its own objects large or malformed. So an answer is never kept or decoded as a whole. An object
//! that is too large is truncated, and an object that cannot be decoded does not affect the others.

use std::{io, pin::Pin};

use futures::{AsyncBufRead, AsyncBufReadExt};
use kube::Client;
use memchr::{memchr, memchr2};
use serde::{Deserialize, de::Error as _};

/// The limit of one object as JSON. A Secret holds at most 1 MiB of data, which is 1.4 MiB in base64. All other objects
/// are far smaller.
const LARGEST: usize = 2 * 1024 * 1024;
/// The limit of an object whose data regcred does not need.
pub(crate) const LARGEST_METADATA: usize = 1024 * 1024;
/// Capacity of the buffer that is reused for each object. Most objects have 3 kB.
const RETAINED: usize = 64 * 1024;

/// The JSON of one object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece<'a> {
    pub(crate) bytes: &'a [u8],
    /// Whether the object is complete. Otherwise this is its beginning.
    pub(crate) is_whole: bool,
}

/// The metadata of a list.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ListEnd {
    /// The start of the next page. Empty: this is the last page.
    #[serde(rename = "continue")]
    pub(crate) next: String,
    /// The version of the cluster in this list.
    pub(crate) resource_version: String,
}

type Request = http::Request<Vec<u8>>;

/// Requests a list. Calls `each` for every object.
pub(crate) async fn list(client: &Client, request: Request, mut each: impl FnMut(Piece<'_>)) -> kube::Result<ListEnd> {
    let mut body = Box::pin(client.request_stream(request).await?);
    let mut splitter = Splitter::default();
    loop {
        let bytes = body.fill_buf().await.map_err(kube::Error::ReadEvents)?;
        if bytes.is_empty() {
            return splitter.end();
        }
        splitter.split(bytes, &mut each);
        let read = bytes.len();
        body.as_mut().consume(read);
    }
}

/// Requests one object.
pub(crate) async fn object<T>(client: &Client, request: Request, each: impl FnOnce(Piece<'_>) -> T) -> kube::Result<T> {
    let mut body = Box::pin(client.request_stream(request).await?);
    let mut buffer = Buffer::default();
    loop {
        let bytes = body.fill_buf().await.map_err(kube::Error::ReadEvents)?;
        if bytes.is_empty() {
            return Ok(each(buffer.piece()));
        }
        buffer.add(bytes, LARGEST);
        let read = bytes.len();
        body.as_mut().consume(read);
    }
}

/// The events of a watch, one per line.
pub(crate) struct Lines {
    body: Pin<Box<dyn AsyncBufRead + Send>>,
    buffer: Buffer,
    is_read: bool,
}

/// Requests a watch.
pub(crate) async fn lines(client: &Client, request: Request) -> kube::Result<Lines> {
    let body = Box::pin(client.request_stream(request).await?);
    Ok(Lines { body, buffer: Buffer::default(), is_read: false })
}

impl Lines {
    /// Returns the next line. `None`: the watch has ended. Safe to cancel.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Piece<'_>>> {
        if std::mem::take(&mut self.is_read) {
            self.buffer.clear();
        }
        loop {
            let bytes = self.body.fill_buf().await?;
            if bytes.is_empty() {
                return Ok(None); // a line without a line end is not an event
            }
            let end = memchr(b'\n', bytes);
            self.buffer.add(&bytes[..end.unwrap_or(bytes.len())], LARGEST_METADATA);
            let read = end.map_or(bytes.len(), |end| end + 1);
            self.body.as_mut().consume(read);
            if end.is_some() {
                self.is_read = true;
                return Ok(Some(self.buffer.piece()));
            }
        }
    }
}

/// A buffer for one object, with a size limit.
#[derive(Debug, Default)]
struct Buffer {
    bytes: Vec<u8>,
    is_cut_off: bool,
}

impl Buffer {
    fn add(&mut self, bytes: &[u8], largest: usize) {
        let fits = bytes.len().min(largest - self.bytes.len());
        self.bytes.extend_from_slice(&bytes[..fits]);
        self.is_cut_off |= fits < bytes.len();
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(RETAINED);
        self.is_cut_off = false;
    }

    fn piece(&self) -> Piece<'_> {
        Piece { bytes: &self.bytes, is_whole: !self.is_cut_off }
    }
}

/// Finds the objects of a list in its text, which arrives in pieces of any size.
#[derive(Debug, Default)]
struct Splitter {
    /// Number of open brackets.
    depth: u64,
    string: InString,
    /// Whether a string is the name of a field of the list, and the last such name.
    is_key: bool,
    key: Vec<u8>,
    at: At,
    buffer: Buffer,
    end: Option<ListEnd>,
    has_items: bool,
    is_malformed: bool,
}

/// Whether the next byte is part of a string.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum InString {
    #[default]
    No,
    Yes,
    /// After a backslash.
    Escaped,
}

/// The part of the list that the next byte belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    #[default]
    List,
    Key,
    Metadata,
    Items,
    Item,
}

impl Splitter {
    fn split(&mut self, mut bytes: &[u8], each: &mut impl FnMut(Piece<'_>)) {
        while !bytes.is_empty() {
            let is_mark = self.string == InString::No;
            let taken = if is_mark { self.mark(bytes[0], each) } else { self.text(bytes) };
            bytes = &bytes[taken..];
        }
    }

    /// Continues within a string. Returns the number of bytes.
    fn text(&mut self, bytes: &[u8]) -> usize {
        if self.string == InString::Escaped {
            self.string = InString::Yes;
            self.keep(&bytes[..1]);
            return 1;
        }
        let Some(end) = memchr2(b'"', b'\\', bytes) else {
            self.keep(bytes);
            return bytes.len();
        };
        self.keep(&bytes[..end]);
        self.string = if bytes[end] == b'\\' { InString::Escaped } else { InString::No };
        if self.at == At::Key && self.string == InString::No {
            self.at = At::List;
        } else {
            self.keep(&bytes[end..=end]);
        }
        end + 1
    }

    /// Reads one byte outside of a string.
    fn mark(&mut self, byte: u8, each: &mut impl FnMut(Piece<'_>)) -> usize {
        match byte {
            b'"' => {
                self.string = InString::Yes;
                if self.depth == 1 && self.is_key {
                    self.key.clear();
                    self.at = At::Key;
                    return 1;
                }
            }
            b'{' | b'[' => self.open(byte),
            b'}' | b']' => {
                self.keep(&[byte]);
                self.close(each);
                return 1;
            }
            b':' if self.depth == 1 => {
                self.is_key = false;
                self.has_items |= self.key == b"items"; // Go encodes a list without objects as null
            }
            b',' if self.depth == 1 => self.is_key = true,
            _ if self.depth == 0 && !byte.is_ascii_whitespace() => self.is_malformed = true,
            _ => {}
        }
        self.keep(&[byte]);
        1
    }

    fn open(&mut self, byte: u8) {
        match (self.depth, self.at) {
            (0, _) => {
                self.is_key = true;
                self.is_malformed |= byte != b'{';
            }
            (1, At::List) if self.key == b"metadata" => self.at = At::Metadata,
            (1, At::List) if self.key == b"items" && byte == b'[' => self.at = At::Items,
            (2, At::Items) => self.at = At::Item,
            _ => {}
        }
        self.depth += 1;
    }

    fn close(&mut self, each: &mut impl FnMut(Piece<'_>)) {
        self.depth = self.depth.saturating_sub(1);
        match (self.depth, self.at) {
            (2, At::Item) => {
                each(self.buffer.piece());
                self.buffer.clear();
                self.at = At::Items;
            }
            (1, At::Items) => self.at = At::List,
            (1, At::Metadata) => {
                self.end = serde_json::from_slice(&self.buffer.bytes).ok();
                self.buffer.clear();
                self.at = At::List;
            }
            _ => {}
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        match self.at {
            At::Key => {
                let fits = bytes.len().min(16 - self.key.len().min(16)); // longer names do not matter
                self.key.extend_from_slice(&bytes[..fits]);
            }
            At::Metadata | At::Item => self.buffer.add(bytes, LARGEST_METADATA),
            At::List | At::Items => {}
        }
    }

    /// Fails unless the text was a complete list.
    fn end(self) -> kube::Result<ListEnd> {
        let is_list = !self.is_malformed && self.has_items && self.depth == 0 && self.string == InString::No;
        self.end.filter(|_| is_list).ok_or_else(|| kube::Error::SerdeError(serde_json::Error::custom("not a list")))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    /// Returns the objects and the end of a list that arrives in pieces of this size.
    fn split(text: &str, size: usize) -> (Vec<(String, bool)>, kube::Result<ListEnd>) {
        let (mut splitter, mut found) = (Splitter::default(), vec![]);
        let mut each = |piece: Piece<'_>| {
            found.push((String::from_utf8(piece.bytes.to_vec()).expect("text"), piece.is_whole));
        };
        text.as_bytes().chunks(size).for_each(|bytes| splitter.split(bytes, &mut each));
        (found, splitter.end())
    }

    #[test]
    fn the_objects_of_a_list_are_found_for_any_chunk_size() {
        let items = [r#"{"a":"]}\"{\\","b":[{"c":{}}]}"#, "{}", r#"{"metadata":{"continue":"x"},"items":[1]}"#];
        let list = format!(
            r#"{{"kind":"SecretList","x":{{"items":[{{}}]}},"metadata":{{"resourceVersion":"7","continue":"next"}},"items":[ {} ] }}{}"#,
            items.join(" , "),
            "\n"
        );
        for size in [1, 2, 3, 7, list.len()] {
            let (found, end) = split(&list, size);
            assert_eq!(found, items.map(|it| (it.to_owned(), true)));
            let end = end.expect("it is a list");
            assert_eq!((end.next.as_str(), end.resource_version.as_str()), ("next", "7"));
        }
        let (found, end) = split(r#"{"items":[{"a":1}],"metadata":{"resourceVersion":"7"}}"#, 5);
        assert_eq!((found.len(), end.expect("in another order").next.as_str()), (1, ""));
        let (found, end) = split(r#"{"metadata":{},"items":null}"#, 100);
        assert!(found.is_empty() && end.is_ok());
    }

    #[test]
    fn an_incomplete_or_invalid_list_is_an_error() {
        for text in
            ["", "<html>", "[]", "null", "{}", r#"{"metadata":{},"items":[{"a":1}"#, r#"{"items":[]}"#, r#""{}""#]
        {
            assert!(split(text, 3).1.is_err(), "{text}");
        }
    }

    #[test]
    fn a_too_large_object_is_truncated_and_the_next_object_is_complete() {
        let large = format!(r#"{{"name":"large","more":"{}"}}"#, "x".repeat(LARGEST_METADATA));
        let list = format!(r#"{{"metadata":{{}},"items":[{large},{{"name":"small"}}]}}"#);
        let (found, end) = split(&list, 10_000);
        assert!(end.is_ok());
        assert_eq!((found[0].0.len(), found[0].1), (LARGEST_METADATA, false));
        assert_eq!(found[1], (r#"{"name":"small"}"#.to_owned(), true));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_objects_of_a_list_are_found_unchanged_for_any_content(
            texts in prop::collection::vec(".{0,20}", 0..6),
            size in 1_usize..50,
            depth in 0_usize..300,
        ) {
            let deep = format!("{}{}", "{\"f\":[".repeat(depth), "]}".repeat(depth));
            let item = |text: &String| {
                let name = Value::from(text.as_str());
                if depth == 0 { format!("{{{name}:1}}") } else { format!("{{{name}:{deep}}}") }
            };
            let items = texts.iter().map(item).collect::<Vec<_>>();
            let list = format!("{{\"metadata\":{},\"items\":[{}]}}", json!({ "continue": "x" }), items.join(","));
            let (found, end) = split(&list, size);
            prop_assert_eq!(found, items.into_iter().map(|it| (it, true)).collect::<Vec<_>>());
            prop_assert_eq!(end.expect("it is a list").next, "x");
        }
    }
}
