//! Reads files that users, mounts and other programs provide.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use crate::{Error, Result, codes};

/// The largest input, in bytes. It is larger than any config, kubeconfig, CA bundle or token. Kubernetes mounts at most
/// 1 MiB.
const LARGEST: u64 = 4 * 1024 * 1024;

/// Reads a regular file of at most 4 MiB. A symbolic link is followed. `/dev/null` is an empty file.
///
/// Returns [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for a pipe, a device, a folder, a larger file, and a file
/// that cannot be opened. The error names the file and does not quote its content. A pipe without a writer does not
/// block. The call blocks only for disk reads.
pub fn read_file(path: &Path) -> Result<Vec<u8>> {
    let failed = |cause: String| cannot_read(path, &cause);
    let file = open(path).map_err(|error| failed(reason(&error)))?;
    let metadata = file.metadata().map_err(|error| failed(reason(&error)))?;
    if !metadata.is_file() {
        // Users name `/dev/null` to disable a file.
        if path.canonicalize().is_ok_and(|path| path == Path::new("/dev/null")) {
            return Ok(vec![]);
        }
        return Err(failed("it is not a regular file".into()));
    }
    read_limited(file).map_err(|error| failed(reason(&error)))
}

/// Reads a regular UTF-8 file of at most 4 MiB, without its byte order mark.
///
/// Fails like [`read_file`]. A file that is not UTF-8 is [`ErrorKind::Invalid`](crate::ErrorKind::Invalid), with the
/// offset of the first invalid byte.
pub fn read_text_file(path: &Path) -> Result<String> {
    utf8(read_file(path)?).map_err(|cause| cannot_read(path, &cause))
}

/// Reads a UTF-8 stream to its end, without its byte order mark. Returns [`io::ErrorKind::InvalidData`] for more than 4
/// MiB and for bytes that are not UTF-8. The error does not quote the stream.
pub fn read_text(stream: impl Read) -> io::Result<String> {
    utf8(read_limited(stream)?).map_err(|cause| io::Error::new(io::ErrorKind::InvalidData, cause))
}

fn read_limited(stream: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = vec![];
    stream.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is larger than 4 MiB"));
    }
    Ok(bytes)
}

fn utf8(bytes: Vec<u8>) -> Result<String, String> {
    let text = String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        let utf16 = error.as_bytes().starts_with(&[0xff, 0xfe]) || error.as_bytes().starts_with(&[0xfe, 0xff]);
        let hint = if utf16 { "; it looks like UTF-16, save it as UTF-8" } else { "" };
        format!("it is not UTF-8 at byte {offset}{hint}")
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

fn cannot_read(path: &Path, cause: &str) -> Error {
    Error::new(&codes::FILE, format!("cannot read {}", path.display())).with_cause(cause)
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "it does not exist".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        _ => error.to_string(),
    }
}

/// Opens without blocking. Opening a pipe otherwise blocks until another process opens it too.
#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path)
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}

#[cfg(test)]
mod tests {
    use std::{fs, process::Command};

    use crate::ErrorKind;

    use super::*;

    fn failure(path: &Path) -> String {
        let error = read_text_file(path).expect_err("it is refused");
        assert_eq!(error.kind(), ErrorKind::Invalid);
        error.chain()
    }

    #[test]
    fn a_text_file_is_read_without_its_byte_order_mark() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("file");
        for (bytes, text) in
            [(&b""[..], ""), (b"a\r\nb", "a\r\nb"), (b"\xef\xbb\xbfa", "a"), ("\u{e4}".as_bytes(), "\u{e4}")]
        {
            fs::write(&path, bytes).expect("it can be written");
            assert_eq!(read_text_file(&path).expect("it is text"), text);
        }
        assert_eq!(
            read_text_file(Path::new("/proc/self/cmdline")).is_ok(),
            cfg!(target_os = "linux"),
            "a file without a size"
        );
    }

    #[test]
    fn invalid_bytes_are_reported_by_offset_and_never_quoted() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("file");
        for (bytes, cause) in [
            (&b"canary \xfc"[..], "it is not UTF-8 at byte 7"),
            (b"\xff\xfec\0a\0n\0a\0r\0y\0", "it is not UTF-8 at byte 0; it looks like UTF-16, save it as UTF-8"),
            (b"\xfe\xff\0c\0a\0n\0a\0r\0y", "it is not UTF-8 at byte 0; it looks like UTF-16, save it as UTF-8"),
            (b"canary\xc3", "it is not UTF-8 at byte 6"),
        ] {
            fs::write(&path, bytes).expect("it can be written");
            assert_eq!(failure(&path), format!("cannot read {}: {cause}", path.display()));
        }
    }

    #[test]
    fn only_a_regular_file_of_at_most_4_mib_is_read() {
        let dir = tempfile::tempdir().expect("a folder");
        let at = |name: &str| dir.path().join(name);
        assert!(Command::new("mkfifo").arg(at("pipe")).status().expect("mkfifo starts").success());
        fs::write(at("large"), vec![b'a'; usize::try_from(LARGEST).expect("it fits") + 1]).expect("it can be written");
        for (path, cause) in [
            (at("pipe"), "it is not a regular file"),
            (at("."), "it is not a regular file"),
            ("/dev/zero".into(), "it is not a regular file"),
            (at("large"), "it is larger than 4 MiB"),
            (at("absent"), "it does not exist"),
        ] {
            assert_eq!(failure(&path), format!("cannot read {}: {cause}", path.display()));
        }
        let error = read_text(io::repeat(b'a')).expect_err("it has no end");
        assert_eq!(error.to_string(), "it is larger than 4 MiB");
    }
}
