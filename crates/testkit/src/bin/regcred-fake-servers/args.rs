//! Command-line arguments.

use std::{net::SocketAddr, path::PathBuf};

/// The parsed arguments.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Args {
    /// The directory for the kubeconfig.
    pub(crate) dir: PathBuf,
    pub(crate) namespaces: Vec<String>,
    /// The address of the real registry behind the proxy. `None` starts no proxy.
    pub(crate) registry: Option<SocketAddr>,
}

impl Args {
    pub(crate) fn parse(words: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let (mut dir, mut namespaces, mut registry) = (None, Vec::new(), None);
        let mut words = words.into_iter();
        while let Some(flag) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{flag} needs a value"));
            match flag.as_str() {
                "--dir" => dir = Some(PathBuf::from(value()?)),
                "--namespace" => namespaces.push(value()?),
                "--registry" => {
                    let address = value()?;
                    let parsed =
                        address.parse().map_err(|_| format!("{address} is not an address such as 127.0.0.1:5000"));
                    registry = Some(parsed?);
                }
                other => return Err(format!("unknown argument {other}")),
            }
        }
        let dir = dir.ok_or("--dir is missing")?;
        Ok(Self { dir, namespaces, registry })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Args, String> {
        Args::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn namespace_flags_accumulate_and_the_registry_is_optional() {
        assert_eq!(
            parse("--dir /tmp/x --namespace a --namespace b --registry 127.0.0.1:5000"),
            Ok(Args {
                dir: "/tmp/x".into(),
                namespaces: vec!["a".into(), "b".into()],
                registry: Some(SocketAddr::from(([127, 0, 0, 1], 5000))),
            })
        );
        assert_eq!(parse("--dir x"), Ok(Args { dir: "x".into(), namespaces: Vec::new(), registry: None }));
    }

    #[test]
    fn an_invalid_command_line_is_refused_with_the_reason() {
        for (line, error) in [
            ("", "--dir is missing"),
            ("--dir", "--dir needs a value"),
            ("--dir x --registry localhost", "localhost is not an address such as 127.0.0.1:5000"),
            ("--dir x -v", "unknown argument -v"),
        ] {
            assert_eq!(parse(line), Err(error.to_owned()), "{line}");
        }
    }
}
