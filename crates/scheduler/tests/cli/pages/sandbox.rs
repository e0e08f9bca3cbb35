//! A folder in which the command lines of one page run, one after the other.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Command, Output},
    time::SystemTime,
};

use regcred_testkit::Recipe;
use serde_json::Value;

use super::{objects::Objects, output::is_shown};
use crate::world::World;

/// Programs that a page may use. A stub replaces each of them and checks its input files.
const STUBS: [&str; 10] = ["aws", "cargo", "git", "helm", "jq", "kubectl", "oc", "oras", "podman", "skopeo"];
/// Programs that are not replaced.
const REAL: [&str; 7] = ["bash", "cat", "grep", "ln", "rm", "sed", "timeout"];
/// Folders of the repository that a page may use.
const FOLDERS: [&str; 3] = ["config", "crates", "deploy"];
const NAMESPACES: [&str; 6] = ["team-a", "team-b", "argocd", "flux-system", "app-a", "tools"];
/// The config for a page without one.
const CONFIG: &str = "targets: [{ namespace: team-a, region: eu-west-1 }]\n";
/// Files that a page expects: the page, the file, and its text.
const GIVEN: [(&str, &str, &str); 9] = [
    ("docs/air-gapped.md", "bundle.pem", ""),
    ("docs/air-gapped.md", "target/image/Containerfile", ""),
    ("docs/coming-from-external-secrets.md", "regcred-objects.yaml", ""),
    ("docs/config.md", "platform.yaml", "targets: [{ namespace: argocd, region: eu-west-1 }]"),
    ("docs/config.md", "team-a.yaml", "targets: [{ namespace: team-a, region: eu-west-1 }]"),
    ("docs/config.md", "team-b.yaml", "targets: [{ namespace: team-b, region: eu-west-1 }]"),
    ("docs/install.md", "ca.pem", ""),
    ("docs/leaked-token.md", "deny-ecr.json", ""),
    ("docs/leaked-token.md", "leaked.json", ""),
];
/// Files of the reader, which a page names with a word in capitals.
const NAMED_BY_READERS: [&str; 1] = ["FILE"];
/// Pages that start after a pass.
const AFTER_A_PASS: [&str; 1] = ["docs/leaked-token.md"];
/// Requests that the fake servers do not support: the command line, and regcred's error.
const UNSERVED: [(&str, &str); 1] = [("regcred check --template template.yaml --online", "it is not OpenShift")];

pub(super) struct Sandbox {
    world: World,
}

impl Sandbox {
    pub(super) async fn new(root: &Path, page: &Path) -> Self {
        let world = World::new(&NAMESPACES).await;
        let (dir, bin) = (world.dir.path(), world.dir.path().join("bin"));
        fs::create_dir(&bin).expect("it is new");
        let stub = world.write("bin/stub", include_str!("stub.sh"));
        fs::set_permissions(&stub, fs::Permissions::from_mode(0o755)).expect("it is ours");
        let path = std::env::var_os("PATH").expect("there are programs");
        let find = |name: &str| std::env::split_paths(&path).map(|it| it.join(name)).find(|it| it.exists());
        let real = REAL.map(|name| (name, find(name).unwrap_or_else(|| panic!("{name} is not installed"))));
        let stubs = STUBS.map(|name| (name, stub.clone()));
        let own = [("regcred", PathBuf::from(env!("CARGO_BIN_EXE_regcred")))];
        for (name, program) in real.into_iter().chain(stubs).chain(own) {
            symlink(program, bin.join(name)).expect("it is new");
        }
        for folder in FOLDERS {
            symlink(root.join(folder), dir.join(folder)).expect("it is new");
        }
        world.write("regcred.yaml", CONFIG);
        for (_, file, text) in GIVEN.iter().filter(|(of, ..)| page == Path::new(of)) {
            fs::create_dir_all(dir.join(file).parent().expect("it is in a folder")).expect("it is ours");
            world.write(file, text);
        }
        fs::create_dir_all(dir.join("pod/regcred")).expect("it is ours");
        world.write("pod/regcred/token", "a.web.identity");
        for file in NAMED_BY_READERS {
            world.write(file, "");
        }
        // This lets `regcred init` find a Secret on every page.
        let host = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
        world.kube.add_namespace("legacy", &["default"]);
        Recipe::new(host, SystemTime::UNIX_EPOCH).add_to(&world.kube, "legacy");
        let sandbox = Self { world };
        if AFTER_A_PASS.iter().any(|it| page == Path::new(it)) {
            sandbox.run("regcred once", "").expect("the fake servers work");
        }
        sandbox
    }

    /// Returns the problems of a YAML block: a config, a file that its first line names, or objects.
    pub(super) fn yaml(&self, text: &str, objects: &Objects) -> Vec<String> {
        let named = text.lines().next().and_then(|line| line.strip_prefix("# "));
        let is_file = |name: &&str| Path::new(name).extension().is_some_and(|it| it == "yaml") && !name.contains(' ');
        let named = named.filter(is_file);
        let name = named.unwrap_or("regcred.yaml");
        let value = match serde_saphyr::from_str::<Value>(text) {
            Ok(value) => value,
            Err(error) => return vec![error.to_string()],
        };
        if value.get("apiVersion").is_some() {
            if let Some(name) = named {
                self.world.write(name, text);
            }
            return objects.problems(&value);
        }
        if name == "pod.yaml" {
            self.world.write(name, text);
            return self.console("$ regcred manifests --pod pod.yaml\n...");
        }
        self.world.write(name, text);
        self.console(&format!("$ regcred check --config {name}\nThe config is valid.\n..."))
    }

    /// Returns the problems of the command lines in a block, or of the output that it shows.
    pub(super) fn console(&self, text: &str) -> Vec<String> {
        let mut entries = Vec::<(String, Vec<&str>)>::new();
        for line in text.lines() {
            match (line.strip_prefix("$ "), entries.last_mut()) {
                (Some(command), _) => entries.push((command.to_owned(), vec![])),
                (None, Some((command, output))) if output.is_empty() && command.ends_with('\\') => {
                    command.pop();
                    command.push_str(line);
                }
                (None, Some((_, output))) => output.push(line),
                (None, None) => return vec![format!("no command prints {line:?}: begin it with `$ `")],
            }
        }
        entries.iter().filter_map(|(command, shown)| self.run(command, &shown.join("\n")).err()).collect()
    }

    fn run(&self, line: &str, shown: &str) -> Result<(), String> {
        let dir = self.world.dir.path();
        let mut command = Command::new("timeout");
        command.args(["60", "bash", "-euo", "pipefail", "-c", &format!("{{ {line}\n}} 2>&1")]).current_dir(dir);
        command.env_clear().env("PATH", dir.join("bin")).env("HOME", "/nonexistent");
        command.env("KUBECONFIG", dir.join("kubeconfig")).env("AWS_ENDPOINT_URL", self.world.aws.url());
        command.env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE").env("AWS_SECRET_ACCESS_KEY", "not-a-real-key");
        let Output { status, stdout, .. } = command.output().map_err(|error| error.to_string())?;
        let output = String::from_utf8_lossy(&stdout);
        if let Some((_, failure)) = UNSERVED.iter().find(|(unserved, _)| *unserved == line) {
            let is_expected = !status.success() && output.contains(failure);
            return if is_expected { Ok(()) } else { Err(format!("{line}\n{status}\n{output}")) };
        }
        if !status.success() {
            return Err(format!("{line}\n{status}\n{output}"));
        }
        if !shown.is_empty() && !is_shown(shown, &output) {
            return Err(format!("{line}\nprints\n{output}\nbut the page shows\n{shown}"));
        }
        Ok(())
    }
}
