//! Replaces a file in one step, without losing what another program writes at the same time.
//!
//! Other programs, such as `docker login`, read the file, change it, and rename a new file over it. They take no lock.
//! If regcred only compared and renamed, it could lose a login that is written between these two steps. So it exchanges
//! the names of the old and of the new file, and then looks at what it has taken away. If that is not what it had read,
//! it puts it back.

use std::ffi::OsString;

use regcred_core::SecretBytes;
use rustix::{
    fs::{AtFlags, RenameFlags, linkat, renameat, renameat_with},
    io::Errno,
};

use super::{
    contents::Contents,
    fault::Fault,
    folder::Folder,
    temporary::{Temporary, digest},
};

/// Replaces the contents `expected`, or creates the file if they are `None`.
pub(super) fn replace(
    folder: &Folder,
    bytes: &SecretBytes,
    mode: u32,
    expected: Option<&Contents>,
) -> Result<(), Fault> {
    let temporary = Temporary::write(folder, bytes, mode, expected)?;
    let replaced = match expected {
        // The disk took its time for the new file, so this leaves only microseconds for another program.
        Some(expected) => match folder.sync_file(&folder.name) {
            Ok(()) if has(folder, &folder.name, expected) => exchange(folder, &temporary, bytes, expected),
            _ => Err(Fault::Conflict),
        },
        None => create(folder, &temporary),
    };
    match replaced {
        Ok(()) => {
            folder.unlink(&temporary.name)?;
            folder.sync()
        }
        Err(Fault::Conflict) => {
            folder.unlink(&temporary.name)?;
            Err(Fault::Conflict)
        }
        // It is not known which of the two steps failed.
        Err(fault) => recover(folder).and(Err(fault)),
    }
}

/// Returns whether a file can be read and has these contents. Another program may have replaced it by a file of any kind.
fn has(folder: &Folder, name: &OsString, expected: &Contents) -> bool {
    folder.read(name).ok().flatten().is_some_and(|it| it.digest == expected.digest)
}

/// Gives a temporary file the name of the file, if there is none.
fn create(folder: &Folder, temporary: &Temporary) -> Result<(), Fault> {
    let (fd, from, to) = (&folder.fd, &temporary.name, &folder.name);
    let created = match renameat_with(fd, from, fd, to, RenameFlags::NOREPLACE) {
        // Some network file systems cannot do it, and a link does the same.
        Err(errno) if is_unsupported(errno) => linkat(fd, from, fd, to, AtFlags::empty()),
        created => created,
    };
    match created {
        Err(Errno::EXIST) => Err(Fault::Conflict),
        created => Ok(created?),
    }
}

/// Returns whether a file system cannot rename with these flags.
fn is_unsupported(errno: Errno) -> bool {
    [Errno::INVAL, Errno::NOSYS, Errno::NOTSUP, Errno::OPNOTSUPP].contains(&errno)
}

fn exchange(folder: &Folder, temporary: &Temporary, new: &SecretBytes, expected: &Contents) -> Result<(), Fault> {
    match swap(folder, temporary) {
        Ok(()) => {}
        // Such a file system leaves these microseconds in which another write is lost.
        Err(errno) if is_unsupported(errno) => {
            return Ok(renameat(&folder.fd, &temporary.name, &folder.fd, &folder.name)?);
        }
        Err(Errno::NOENT) => return Err(Fault::Conflict),
        Err(errno) => return Err(errno.into()),
    }
    if has(folder, &temporary.name, expected) {
        return Ok(());
    }
    put_back(folder, temporary, new)?;
    Err(Fault::Conflict)
}

/// Exchanges the names again. If another program has replaced the new file meanwhile, its file is the newest and stays.
fn put_back(folder: &Folder, temporary: &Temporary, new: &SecretBytes) -> Result<(), Fault> {
    swap(folder, temporary)?;
    let is_ours = folder.read(&temporary.name).ok().flatten().is_some_and(|taken| taken.is(new));
    if !is_ours {
        swap(folder, temporary)?;
    }
    Ok(())
}

fn swap(folder: &Folder, temporary: &Temporary) -> Result<(), Errno> {
    renameat_with(&folder.fd, &temporary.name, &folder.fd, &folder.name, RenameFlags::EXCHANGE)
}

/// Deletes the file if it has the contents `expected`.
pub(super) fn delete(folder: &Folder, expected: &Contents) -> Result<(), Fault> {
    let taken = Temporary::for_deletion(folder, expected);
    match renameat(&folder.fd, &folder.name, &folder.fd, &taken.name) {
        Err(Errno::NOENT) => return Err(Fault::Conflict),
        renamed => renamed?,
    }
    if has(folder, &taken.name, expected) {
        folder.unlink(&taken.name)?;
        return folder.sync();
    }
    restore(folder, &taken)?;
    Err(Fault::Conflict)
}

/// Gives a deleted file its name again. If another program has written a new one, the new one stays.
fn restore(folder: &Folder, taken: &Temporary) -> Result<(), Fault> {
    match create(folder, taken) {
        Ok(()) | Err(Fault::Conflict) => folder.unlink(&taken.name),
        failed => failed,
    }
}

/// Finishes what a killed process began.
pub(super) fn recover(folder: &Folder) -> Result<(), Fault> {
    for temporary in Temporary::left_in(folder)? {
        let digest = |name| folder.read(name).map(|it| digest(it.map(|it| it.digest)));
        // regcred has not written it, or it cannot be read now.
        let Ok(held) = digest(&temporary.name) else { continue };
        let is_known = held == temporary.old || held == temporary.new;
        let was_done = digest(&folder.name)? == temporary.new;
        // If it is not known, it holds what another program wrote in the moment before the step.
        match (was_done && !is_known, temporary.deletes()) {
            (true, true) => restore(folder, &temporary)?,
            (true, false) => swap(folder, &temporary)?,
            (false, _) => {}
        }
        folder.unlink(&temporary.name)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use regcred_core::ExposeSecret;
    use tempfile::TempDir;

    use super::*;
    use crate::store::contents::Digest;

    const OLD: &str = "{\"old\":1}";
    const NEW: &str = "{\"new\":1}";
    const OTHER: &str = "{\"other\":1}";
    const OTHER_LATER: &str = "{\"other\":2}";

    struct Fixture {
        dir: TempDir,
        folder: Folder,
        old: Contents,
    }

    impl Fixture {
        fn new() -> Self {
            let dir = tempfile::tempdir().expect("a folder");
            let path = dir.path().join("config.json");
            fs::write(&path, OLD).expect("it can be written");
            let folder = Folder::of(&path).expect("it is ours");
            let old = folder.read(&folder.name).expect("it can be read").expect("it is there");
            Self { dir, folder, old }
        }

        fn temporary(&self) -> Temporary {
            Temporary::write(&self.folder, &new(), 0o600, Some(&self.old)).expect("it can be written")
        }

        fn put(&self, name: &OsString, text: Option<&str>) {
            let path = self.dir.path().join(name);
            match text {
                Some(text) => fs::write(path, text).expect("it can be written"),
                None => fs::remove_file(path).expect("it is there"),
            }
        }

        fn text(&self, name: &OsString) -> Option<String> {
            fs::read_to_string(self.dir.path().join(name)).ok()
        }
    }

    fn new() -> SecretBytes {
        NEW.as_bytes().to_vec().into()
    }

    #[test]
    fn what_another_program_wrote_before_the_exchange_is_put_back() {
        let fixture = Fixture::new();
        let (folder, temporary) = (&fixture.folder, fixture.temporary());
        fixture.put(&folder.name, Some(OTHER));
        let exchanged = exchange(folder, &temporary, &new(), &fixture.old);
        assert!(matches!(exchanged, Err(Fault::Conflict)), "{exchanged:?}");
        assert_eq!(fixture.text(&folder.name).as_deref(), Some(OTHER));
        assert_eq!(fixture.text(&temporary.name).as_deref(), Some(NEW));
    }

    #[test]
    fn what_another_program_wrote_after_the_exchange_stays() {
        let fixture = Fixture::new();
        let (folder, temporary) = (&fixture.folder, fixture.temporary());
        fixture.put(&temporary.name, Some(OTHER));
        fixture.put(&folder.name, Some(OTHER_LATER));
        put_back(folder, &temporary, &new()).expect("it works");
        assert_eq!(fixture.text(&folder.name).as_deref(), Some(OTHER_LATER));
    }

    #[test]
    fn a_file_that_is_created_or_deleted_meanwhile_is_a_conflict() {
        let fixture = Fixture::new();
        let folder = &fixture.folder;
        let created = replace(folder, &new(), 0o600, None);
        assert!(matches!(created, Err(Fault::Conflict)), "{created:?}");
        assert_eq!(fixture.text(&folder.name).as_deref(), Some(OLD));
        fixture.put(&folder.name, Some(OTHER));
        let deleted = delete(folder, &fixture.old);
        assert!(matches!(deleted, Err(Fault::Conflict)), "{deleted:?}");
        assert_eq!(fixture.text(&folder.name).as_deref(), Some(OTHER));
        fixture.put(&folder.name, None);
        for gone in [delete(folder, &fixture.old), replace(folder, &new(), 0o600, Some(&fixture.old))] {
            assert!(matches!(gone, Err(Fault::Conflict)), "{gone:?}");
        }
        assert_eq!(fs::read_dir(fixture.dir.path()).expect("a folder").count(), 0);
    }

    #[test]
    fn the_work_of_a_killed_process_is_finished_and_nothing_is_lost() {
        for (what, at_path, held, expected) in [
            ("before the exchange", Some(OLD), NEW, Some(OLD)),
            ("in the middle of a write", Some(OLD), "{\"ne", Some(OLD)),
            ("after the exchange", Some(NEW), OLD, Some(NEW)),
            ("after an exchange with a newer file", Some(NEW), OTHER, Some(OTHER)),
            ("after it was put back", Some(OTHER), NEW, Some(OTHER)),
            ("after the path changed again", Some(OTHER_LATER), OLD, Some(OTHER_LATER)),
        ] {
            let fixture = Fixture::new();
            let temporary = fixture.temporary();
            fixture.put(&temporary.name, Some(held));
            fixture.put(&fixture.folder.name, at_path);
            recover(&fixture.folder).expect(what);
            assert_eq!(fixture.text(&fixture.folder.name).as_deref(), expected, "{what}");
            assert_eq!(fs::read_dir(fixture.dir.path()).expect("a folder").count(), 1, "{what}");
        }
        for (what, at_path, held, expected) in [
            ("after the old file was taken away", None, OLD, None),
            ("after a newer file was taken away", None, OTHER, Some(OTHER)),
            ("after a newer file came", Some(OTHER_LATER), OTHER, Some(OTHER_LATER)),
        ] {
            let fixture = Fixture::new();
            fixture.put(&Temporary::for_deletion(&fixture.folder, &fixture.old).name, Some(held));
            fixture.put(&fixture.folder.name, at_path);
            recover(&fixture.folder).expect(what);
            assert_eq!(fixture.text(&fixture.folder.name).as_deref(), expected, "{what}");
        }
    }

    #[test]
    fn a_name_shows_no_content() {
        let fixture = Fixture::new();
        let name = fixture.temporary().name.into_string().expect("text");
        let (old, new) = (Digest::of(OLD.as_bytes()).short(), Digest::of(new().expose_secret()).short());
        assert_eq!(name, format!(".config.json.regcred-{old}-{new}"));
    }
}
