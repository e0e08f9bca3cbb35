//! Docker, Podman, Buildah and Skopeo read the files that regcred writes on a machine without Kubernetes.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::{
    distribution::Distribution,
    docker_hub::pull,
    helpers::push,
    world::{setting, with_input},
};

/// A machine: a file with the login of a registry, and a config that copies the login into two files.
struct Machine {
    dir: tempfile::TempDir,
    config: PathBuf,
}

impl Machine {
    fn new(registry: &str) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        fs::create_dir(dir.path().join("docker")).expect("a folder");
        let at = |name: &str| dir.path().join(name);
        let login = json!({ "auths": { registry: { "auth": STANDARD.encode("robot:pass") } } });
        fs::write(at("source.json"), login.to_string()).expect("it can be written");
        let target = |path: PathBuf| json!({ "sink": "machine", "path": path, "providers": ["source"] });
        let config = json!({
            "providers": { "source": { "type": "file", "path": at("source.json") } },
            "sinks": { "machine": { "type": "file" } },
            "targets": [target(at("auth.json")), target(at("docker/config.json"))],
        });
        let file = at("regcred.json");
        fs::write(&file, config.to_string()).expect("it can be written");
        Self { dir, config: file }
    }

    fn once(&self) -> Output {
        let mut once = Command::new(setting("REGCRED_LIVE_BINARY"));
        once.args(["once", "--config"]).arg(&self.config).env_clear().output().expect("it starts")
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn hosts(&self, file: &str) -> Vec<String> {
        let text = fs::read(self.path().join(file)).expect("it is there");
        let config = serde_json::from_slice::<Value>(&text).expect("JSON");
        config["auths"].as_object().expect("a map").keys().cloned().collect()
    }
}

fn succeeds(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn docker(folder: &Path, args: &[&str], input: &str) -> Output {
    with_input(Command::new("docker").arg("--config").arg(folder).args(args), input)
}

#[test]
fn each_client_reads_the_file_and_their_own_logins_stay() {
    let folders = [tempfile::tempdir(), tempfile::tempdir()].map(|it| it.expect("a folder"));
    let [registry, other] = folders.each_ref().map(|it| Distribution::with_user(it.path(), "robot"));
    let machine = Machine::new(&registry.address);
    succeeds(&machine.once());
    push(machine.path(), "", &registry.address);
    let (auth, image) = (machine.path().join("auth.json"), format!("{}/team/app:1", registry.address));
    for program in ["podman", "buildah"] {
        pull(program, machine.path(), "", &auth, &image);
    }
    let inspect = ["manifest", "inspect", "--insecure", &image];
    succeeds(&docker(&machine.path().join("docker"), &inspect, ""));
    assert!(!docker(machine.path(), &inspect, "").status.success(), "without the login, the registry refuses");

    // These two write their login into the same files, and drop fields that they do not know.
    let login = ["login", "--username", "robot", "--password-stdin"];
    let mut podman = Command::new("podman");
    podman.args(login).args(["--tls-verify=false", "--authfile"]).arg(&auth).arg(&other.address);
    succeeds(&with_input(&mut podman, "pass"));
    succeeds(&docker(&machine.path().join("docker"), &[&login[..], &[&other.address]].concat(), "pass"));
    let mut both = vec![registry.address.clone(), other.address.clone()];
    both.sort();
    for _ in 0..2 {
        succeeds(&machine.once());
        assert_eq!([machine.hosts("auth.json"), machine.hosts("docker/config.json")], [both.clone(), both.clone()]);
    }
    for registry in [&registry, &other] {
        let mut podman = Command::new("podman");
        let known = podman.args(["login", "--get-login", "--authfile"]).arg(&auth).arg(&registry.address);
        assert_eq!(String::from_utf8_lossy(&known.output().expect("podman starts").stdout).trim(), "robot");
    }
    succeeds(&docker(&machine.path().join("docker"), &inspect, ""));
}

#[test]
fn a_full_disk_leaves_the_old_file() {
    let machine = Machine::new("registry.example");
    let disk = machine.path().join("disk");
    fs::create_dir(&disk).expect("a folder");
    let config = fs::read_to_string(&machine.config).expect("text");
    let auth = machine.path().join("auth.json").display().to_string();
    fs::write(&machine.config, config.replace(&auth, &disk.join("auth.json").display().to_string())).expect("written");
    // A file system of three pages: the old file, another file, and the folder itself.
    let script = r#"
        set -e
        mount -t tmpfs -o size=8k none "$1"
        echo '{"auths":{"quay.io":{"auth":"dTpw"}}}' > "$1/auth.json"
        cp "$1/auth.json" "$1/other"
        "$2" once --config "$3" > "$4/told" 2>&1 && exit 9
        ls -A "$1" > "$4/names"
        cp "$1/auth.json" "$4/kept"
    "#;
    let mut unshare = Command::new("unshare");
    unshare.args(["--mount", "sh", "-c", script, "sh"]).arg(&disk).arg(setting("REGCRED_LIVE_BINARY"));
    succeeds(&unshare.arg(&machine.config).arg(machine.path()).output().expect("unshare starts"));
    let read = |name: &str| fs::read_to_string(machine.path().join(name)).expect("text");
    assert!(read("told").contains("no space is left (unreachable) [RC0545]"), "{}", read("told"));
    assert_eq!(read("names"), "auth.json\nother\n");
    assert_eq!(read("kept"), "{\"auths\":{\"quay.io\":{\"auth\":\"dTpw\"}}}\n");
}

#[test]
fn a_file_that_is_a_mount_point_is_left_unchanged() {
    let machine = Machine::new("registry.example");
    let script = r#"
        set -e
        echo '{"auths":{}}' > "$2/auth.json"
        echo '{"auths":{}}' > "$2/mounted"
        mount --bind "$2/mounted" "$2/auth.json"
        "$0" once --config "$1" > "$2/told" 2>&1 && exit 9
        cp "$2/auth.json" "$2/kept"
    "#;
    let mut unshare = Command::new("unshare");
    unshare.args(["--mount", "sh", "-c", script]).arg(setting("REGCRED_LIVE_BINARY"));
    succeeds(&unshare.arg(&machine.config).arg(machine.path()).output().expect("unshare starts"));
    let read = |name: &str| fs::read_to_string(machine.path().join(name)).expect("text");
    assert!(read("told").contains("it is a mount point (refused) [RC0544]"), "{}", read("told"));
    assert_eq!(read("kept"), "{\"auths\":{}}\n");
    assert_eq!(machine.hosts("docker/config.json"), ["registry.example"], "the other file is written");
}

#[test]
fn systemd_accepts_the_units() {
    let dir = tempfile::tempdir().expect("a folder");
    let units = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/systemd");
    for unit in fs::read_dir(units).expect("a folder") {
        let unit = unit.expect("an entry").path();
        let text = fs::read_to_string(&unit).expect("text");
        let here = dir.path().join(unit.file_name().expect("a name"));
        // The program must exist.
        fs::write(&here, text.replace("/usr/local/bin/regcred", &setting("REGCRED_LIVE_BINARY"))).expect("written");
    }
    for unit in fs::read_dir(dir.path()).expect("a folder") {
        let unit = unit.expect("an entry").path();
        let output = Command::new("systemd-analyze").arg("verify").arg(&unit).output().expect("it starts");
        assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
