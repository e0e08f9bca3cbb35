//! The type `file` of an entry of `sinks:`.

use std::{collections::BTreeMap, path::PathBuf, slice, sync::Arc};

use regcred_config::{Origin, Problem, Problems, codes::COMBINATION, path};
use regcred_core::{Address, Code, Result, SecretSink, document::DocumentSink};
use regcred_dockerconfig::DockerConfigFormat;
use regcred_plan::{NoOptions, Run, SinkPlan, SinkTarget, SinkType, SourceAndSink, async_trait, fixed_targets};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de::Error as _};

use crate::{FileStore, codes, store::unusable};

/// The options of an entry of `targets:` whose sink is of the type `file`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileTarget {
    /// Absolute path of the file, such as `/root/.docker/config.json`. Its folder must exist. regcred adds its logins, and
    /// leaves the logins and settings of other programs unchanged.
    #[serde(deserialize_with = "path")]
    #[schemars(with = "String", regex(pattern = "^/"))]
    pub path: PathBuf,
    /// Permissions of the file, as octal digits in quotes. Default: `"0600"`, so only its owner can read it.
    #[serde(default = "owner_only", deserialize_with = "mode")]
    #[schemars(with = "String", regex(pattern = "^0?[0-7]{3}$"), default = "owner_only_text")]
    pub mode: u32,
}

fn owner_only() -> u32 {
    0o600
}

fn owner_only_text() -> &'static str {
    "0600"
}

/// Reads three octal digits, optionally after a zero. A YAML number is refused, because `0600` and `600` are different
/// numbers in different versions of YAML.
fn mode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let text = String::deserialize(deserializer)?;
    let digits = text.strip_prefix('0').filter(|rest| rest.len() == 3).unwrap_or(&text);
    let is_mode = digits.len() == 3 && digits.bytes().all(|it| matches!(it, b'0'..=b'7'));
    let mode = u32::from_str_radix(digits, 8).ok().filter(|_| is_mode);
    let mode = mode.ok_or_else(|| D::Error::custom("it is not a file mode such as \"0600\""))?;
    match mode {
        mode if mode & 0o600 != 0o600 => Err(D::Error::custom("the owner must be able to read and write the file")),
        mode if mode & 0o007 != 0 => Err(D::Error::custom("every user of the machine could read the logins")),
        mode => Ok(mode),
    }
}

/// The type `file`: logins in the file of a Docker, Podman, CRI-O or kubelet. The options of a target are [`FileTarget`].
#[derive(Clone, Copy, Debug, Default)]
pub struct FileSinkType;

#[async_trait]
impl SinkType for FileSinkType {
    const NAME: &'static str = "file";
    type Options = NoOptions;
    type TargetOptions = FileTarget;

    fn plan(&self, _: &NoOptions, targets: &[SinkTarget<FileTarget>], _: &Origin) -> Result<SinkPlan, Problems> {
        let (mut problems, mut first) = (vec![], BTreeMap::new());
        for SinkTarget { options: FileTarget { path, mode: _ }, origin, namespaces, selection, .. } in targets {
            if !namespaces.is_empty() || selection.is_some() {
                let message = "a file is in no namespace: remove the key";
                problems.push(Problem::below(origin, "namespace", message).with_code(&COMBINATION));
            }
            if let Some(why) = unusable(path) {
                problems.push(Problem::below(origin, "path", why));
            }
            if let Some(earlier) = first.insert(path.clone(), origin) {
                let message = format!("{} writes the same file: unite the two entries", earlier.name());
                problems.push(Problem::below(origin, "path", message).with_code(&codes::SAME_FILE));
            }
        }
        Problems::check(problems)?;
        Ok(SinkPlan::default())
    }

    async fn make(&self, _: NoOptions, targets: Vec<SinkTarget<FileTarget>>, run: &Run) -> Result<Vec<SourceAndSink>> {
        let made = targets.iter().flat_map(|target| {
            let store = FileStore::default().with_mode(target.options.mode);
            let sink = DocumentSink::new(store, DockerConfigFormat).with_instance(run.instance.clone()).merging();
            let address = |options: &FileTarget| Address::named(options.path.display().to_string());
            fixed_targets(Arc::new(sink) as Arc<dyn SecretSink>, slice::from_ref(target), address)
        });
        Ok(made.collect())
    }

    fn codes(&self) -> &'static [&'static Code] {
        codes::SINK_CODES
    }
}
