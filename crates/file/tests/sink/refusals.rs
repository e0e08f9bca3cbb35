//! A file that regcred cannot replace safely is left unchanged, with the reason.

use std::{
    fs::{self, Permissions},
    io::{BufRead, BufReader},
    os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use regcred_core::{Error, testing::SinkExt};
use tempfile::TempDir;

use crate::{names, set, sink, target};

const OTHER: &str = r#"{"auths":{"other.example":{"auth":"b3RoZXI6Y2FuYXJ5"}},"credHelpers":{"h.example":"x"}}"#;
const NOBODY: u32 = 65_534;

/// Returns the error of a write.
async fn failure(path: &Path) -> Error {
    let error = sink().write(&target(path), &set("r.example", "canary")).await.expect_err("it is refused");
    assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    error
}

fn folder() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("config.json");
    (dir, path)
}

#[tokio::test]
async fn only_a_regular_file_in_an_existing_folder_is_written() {
    let (dir, path) = folder();
    fs::create_dir(dir.path().join("sub")).expect("a folder");
    assert!(Command::new("mkfifo").arg(dir.path().join("pipe")).status().expect("mkfifo starts").success());
    for (path, code, why) in [
        (dir.path().join("absent/config.json"), "RC0541", "its folder does not exist"),
        (dir.path().join("sub"), "RC0541", "it is not a regular file"),
        (dir.path().join("pipe"), "RC0541", "it is not a regular file"),
        (dir.path().join("pipe/config.json"), "RC0541", "a part of the path is not a folder"),
        (dir.path().join("sub/../config.json"), "RC0541", "it must name a file, without `..`"),
        (dir.path().join("sub/"), "RC0541", "it names a folder: add the name of the file"),
        ("config.json".into(), "RC0541", "it is not an absolute path"),
    ] {
        let error = failure(&path).await;
        assert_eq!((error.code().id(), error.chain()), (code, format!("cannot read {}: {why}", path.display())));
    }
    assert!(!path.exists());
    assert_eq!(names(dir.path()), ["pipe", "sub"]);
}

#[tokio::test]
async fn a_symbolic_link_and_the_file_behind_it_are_left_unchanged() {
    let (dir, path) = folder();
    let real = dir.path().join("real.json");
    fs::write(&real, OTHER).expect("it can be written");
    symlink(&real, &path).expect("a link");
    let error = failure(&path).await;
    assert_eq!((error.code().id(), error.to_string().contains("config.json")), ("RC0542", true), "{error:?}");
    assert_eq!(fs::read_to_string(&real).expect("it is there"), OTHER);
    assert_eq!(fs::read_link(&path).expect("it is a link"), real);
    fs::remove_file(&real).expect("it is there");
    assert_eq!(failure(&path).await.code().id(), "RC0542", "a link to nothing");
    assert!(!real.exists());
}

#[tokio::test]
async fn a_folder_that_is_a_symbolic_link_is_followed() {
    let (dir, _) = folder();
    fs::create_dir(dir.path().join("real")).expect("a folder");
    symlink(dir.path().join("real"), dir.path().join("link")).expect("a link");
    let path = dir.path().join("link/config.json");
    sink().write(&target(&path), &set("r.example", "p")).await.expect("it works, as with /var/run");
    assert!(dir.path().join("real/config.json").exists());
}

#[tokio::test]
async fn files_and_folders_of_other_users_are_left_unchanged() {
    let (dir, path) = folder();
    fs::write(&path, OTHER).expect("it can be written");
    let is_root = chown(&path, Some(NOBODY), None).is_ok();
    // Without root, a file of root is the file of another user.
    let theirs = if is_root { path.clone() } else { "/etc/passwd".into() };
    let before = fs::read(&theirs).expect("it can be read");
    let error = failure(&theirs).await;
    assert_eq!(error.code().id(), "RC0543", "{error:?}");
    assert!(error.chain().contains("it belongs to user"), "{error:?}");
    assert_eq!(fs::read(&theirs).expect("it can be read"), before);

    let folder = dir.path().join("open");
    fs::create_dir(&folder).expect("a folder");
    fs::set_permissions(&folder, Permissions::from_mode(0o777)).expect("it is ours");
    let error = failure(&folder.join("config.json")).await;
    assert!(error.chain().ends_with("every user can write into its folder"), "{error:?}");
    fs::set_permissions(&folder, Permissions::from_mode(0o1777)).expect("it is ours");
    sink().write(&target(&folder.join("config.json")), &set("r.example", "p")).await.expect("as in /tmp");
    if is_root {
        fs::set_permissions(&folder, Permissions::from_mode(0o755)).expect("it is ours");
        chown(&folder, Some(NOBODY), None).expect("root may");
        let error = failure(&folder.join("new.json")).await;
        assert!(error.chain().contains("its folder belongs to user 65534"), "{error:?}");
    }
}

#[tokio::test]
async fn a_file_that_is_not_a_docker_config_is_left_unchanged() {
    for content in ["", "not JSON", "[]", r#"{"auths":7}"#, r#"{"auths":{},"auths":{}}"#] {
        let (dir, path) = folder();
        fs::write(&path, content).expect("it can be written");
        let error = failure(&path).await;
        assert_eq!(error.code().id(), "RC0023", "{content}: {error:?}");
        assert_eq!(fs::read_to_string(&path).expect("it is there"), content);
        assert_eq!(names(dir.path()), ["config.json"]);
    }
}

#[tokio::test]
async fn other_logins_and_settings_stay_byte_for_byte_and_only_the_owner_can_read_the_file() {
    let (dir, path) = folder();
    fs::write(&path, OTHER).expect("it can be written");
    fs::set_permissions(&path, Permissions::from_mode(0o644)).expect("it is ours");
    let (sink, target) = (sink(), target(&path));
    sink.write(&target, &set("r.example", "p")).await.expect("it works");
    let text = fs::read_to_string(&path).expect("it is there");
    let rest = OTHER.strip_prefix(r#"{"auths":{"#).expect("a prefix").split_once("},").expect("two parts");
    assert!(text.contains(rest.0) && text.contains(rest.1.trim_end_matches('}')), "{text}");
    assert!(text.contains(r#""r.example":{"auth":"dTpw"}"#), "{text}");
    assert_eq!(fs::metadata(&path).expect("it is there").mode() & 0o7777, 0o600);
    assert_eq!(names(dir.path()), ["config.json"]);
    sink.remove(&target).await.expect("it works");
    assert_eq!(fs::read_to_string(&path).expect("it is there"), OTHER, "as before");
    sink.remove(&target).await.expect("nothing is left to remove");
    assert_eq!(fs::read_to_string(&path).expect("it is there"), OTHER, "as before");
}

#[tokio::test]
async fn a_login_under_another_spelling_of_the_registry_is_renewed_too() {
    let (_dir, path) = folder();
    fs::write(&path, r#"{"auths":{"https://r.example/v1/":{"auth":"b2xkOm9sZA=="}}}"#).expect("it can be written");
    let (sink, target) = (sink(), target(&path));
    sink.write(&target, &set("r.example", "p")).await.expect("it works");
    let text = fs::read_to_string(&path).expect("it is there");
    assert!(text.contains(r#""https://r.example/v1/":{"auth":"dTpw"}"#), "{text}");
    fs::write(&path, text.replacen("dTpw", "b2xkOm9sZA==", 1)).expect("it can be written");
    let observed = sink.observe(&target).await.expect("it works");
    assert_eq!(observed.drift.len(), 1, "docker login wrote the other key again: {observed:?}");
}

#[tokio::test]
async fn readers_that_use_a_credential_helper_instead_are_named() {
    let (_dir, path) = folder();
    fs::write(&path, r#"{"auths":{},"credsStore":"desktop"}"#).expect("it can be written");
    let (sink, target) = (sink(), target(&path));
    let expected = "a credential helper replaces the login for r.example in Docker: remove `credsStore`";
    for _ in 0..2 {
        let applied = sink.write(&target, &set("r.example", "p")).await.expect("it works");
        assert_eq!(applied.waiting_for.as_deref(), Some(expected));
    }
    let waiting_for = sink.observe(&target).await.expect("it works").waiting_for;
    assert_eq!(waiting_for.as_deref(), Some(expected));
}

#[tokio::test]
async fn a_login_for_a_part_of_the_registry_is_another_programs() {
    let (_dir, path) = folder();
    let theirs = r#""r.example/team":{"auth":"dTpvdGhlcg=="}"#; // the same user, and another password
    fs::write(&path, format!(r#"{{"auths":{{{theirs},"r.example/robots":{{"identitytoken":"t"}}}}}}"#))
        .expect("written");
    let before = fs::read_to_string(&path).expect("it is there");
    let (sink, target) = (sink(), target(&path));
    let applied = sink.write(&target, &set("r.example", "p")).await.expect("it works");
    assert_eq!(applied.waiting_for, None);
    assert!(fs::read_to_string(&path).expect("it is there").contains(theirs));
    let observed = sink.observe(&target).await.expect("it works");
    assert_eq!((observed.drift, observed.waiting_for), (vec![], None));
    sink.remove(&target).await.expect("it works");
    assert_eq!(fs::read_to_string(&path).expect("it is there"), before);
}

#[tokio::test(start_paused = true)]
async fn a_lock_of_another_program_does_not_stop_a_write() {
    let (dir, path) = folder();
    let mut flock = Command::new("flock");
    let mut flock = flock.arg(dir.path()).args(["sh", "-c", "echo locked; exec cat"]);
    flock = flock.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut holder = flock.spawn().expect("flock starts");
    let mut line = String::new();
    BufReader::new(holder.stdout.take().expect("it is piped")).read_line(&mut line).expect("a line");
    sink().write(&target(&path), &set("r.example", "p")).await.expect("it works");
    drop(holder.stdin.take());
    assert!(holder.wait().expect("it ends").success());
    assert_eq!(names(dir.path()), ["config.json"]);
}

#[tokio::test]
async fn files_with_similar_names_are_left_unchanged() {
    let (dir, path) = folder();
    let kept = [".config.json.regcred-0123456789abcdef-none", ".config.json.regcred-before-upgrade", "config.json"];
    fs::create_dir(dir.path().join(kept[0])).expect("a folder");
    fs::write(dir.path().join(kept[1]), "theirs").expect("it can be written");
    for password in ["one", "two"] {
        sink().write(&target(&path), &set("r.example", password)).await.expect("it works");
    }
    assert_eq!(names(dir.path()), kept);
}
