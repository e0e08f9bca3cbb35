//! The stand-ins together, and what a line on the input does to them.

use std::{fs, io, path::PathBuf, sync::Arc, time::Duration};

use regcred_testkit::{CheckingProxy, FakeAws, FakeKube};
use serde_json::{Value, json};

use crate::{args::Args, show};

/// Everything that runs.
#[derive(Debug)]
pub(crate) struct Stage {
    aws: FakeAws,
    kube: FakeKube,
    proxy: Option<Arc<CheckingProxy>>,
    kubeconfig: PathBuf,
}

impl Stage {
    pub(crate) async fn start(args: &Args) -> io::Result<Self> {
        let (aws, kube) = (FakeAws::start().await, FakeKube::start().await);
        for namespace in &args.namespaces {
            kube.add_namespace(namespace, &["default", "builder"]);
        }
        let proxy = match args.registry {
            Some(registry) => Some(Arc::new(CheckingProxy::start(registry).await)),
            None => None,
        };
        if let Some(proxy) = &proxy {
            let proxy = Arc::clone(proxy);
            aws.on_issue(move |token| {
                proxy.accept_until(&token.registry, "AWS", &token.password, token.expires_at);
            });
        }
        fs::create_dir_all(&args.dir)?;
        let kubeconfig = args.dir.join("kubeconfig");
        fs::write(&kubeconfig, kube.kubeconfig())?;
        Ok(Self { aws, kube, proxy, kubeconfig })
    }

    /// Where everything is.
    pub(crate) fn greeting(&self) -> Value {
        json!({
            "aws": self.aws.url(),
            "kubernetes": self.kube.url(),
            "kubeconfig": self.kubeconfig,
            "proxy": self.proxy.as_ref().map(|proxy| proxy.url()),
        })
    }

    /// Does what a line says; nothing for `quit`.
    pub(crate) fn answer(&self, line: &str) -> Option<Value> {
        match line.split_once(' ').map_or((line, ""), |(word, rest)| (word, rest.trim())) {
            ("show", "") => Some(show::show(&self.aws, &self.kube)),
            ("life", seconds) => match seconds.parse() {
                Ok(seconds) => {
                    self.aws.set_life(Duration::from_secs(seconds));
                    Some(json!({ "life": seconds }))
                }
                Err(_) => Some(json!({ "error": "life needs a number of seconds" })),
            },
            ("quit", "") => None,
            _ => Some(json!({ "error": format!("unknown command {line:?}: show, life SECONDS, quit") })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_stage_tells_where_it_is_and_does_what_it_is_told() {
        let dir = std::env::temp_dir().join(format!("regcred-standin-{}", std::process::id()));
        let args =
            Args { dir: dir.clone(), namespaces: vec!["team-a".into()], registry: Some(([127, 0, 0, 1], 5000).into()) };
        let stage = Stage::start(&args).await.expect("the folder can be written");
        let greeting = stage.greeting();
        let kubeconfig = fs::read_to_string(greeting["kubeconfig"].as_str().expect("a path")).expect("it is written");
        assert!(kubeconfig.contains(greeting["kubernetes"].as_str().expect("an address")));
        assert!(greeting["aws"].is_string() && greeting["proxy"].is_string());
        assert!(stage.kube.object("serviceaccounts", "team-a", "builder").is_some());
        assert_eq!(stage.answer("life 60"), Some(json!({ "life": 60 })));
        assert!(stage.answer("life long").is_some_and(|answer| answer["error"].is_string()));
        assert!(stage.answer("dance").is_some_and(|answer| answer["error"].is_string()));
        assert!(stage.answer("show").is_some_and(|answer| answer["aws_calls"] == 0));
        assert_eq!(stage.answer("quit"), None);
        fs::remove_dir_all(dir).expect("it is ours");
    }
}
