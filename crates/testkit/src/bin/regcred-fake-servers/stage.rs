//! All fake servers together, and the commands that act on them.

use std::{
    fs, io,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use regcred_testkit::{CheckingProxy, FakeAws, FakeExchange, FakeKube, Recipe};
use serde_json::{Value, json};

use crate::{args::Args, show};

/// The list of commands for error messages.
const COMMANDS: &str = "show, life SECONDS, recipe NAMESPACE REGION SECONDS, suspend NAMESPACE, quit";

/// The token of the fake pod. It opens nothing.
const POD_TOKEN: &str = "token-of-the-pod";

/// All running fake servers.
#[derive(Debug)]
pub(crate) struct Stage {
    aws: FakeAws,
    exchange: FakeExchange,
    kube: FakeKube,
    proxy: Option<Arc<CheckingProxy>>,
    kubeconfig: PathBuf,
    pod_token: PathBuf,
}

impl Stage {
    pub(crate) async fn start(args: &Args) -> io::Result<Self> {
        let (aws, kube) = (FakeAws::start().await, FakeKube::start().await);
        let exchange = FakeExchange::start().await;
        exchange.accept(POD_TOKEN);
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
        let (kubeconfig, pod_token) = (args.dir.join("kubeconfig"), args.dir.join("pod-token"));
        fs::write(&kubeconfig, kube.kubeconfig())?;
        fs::write(&pod_token, POD_TOKEN)?;
        Ok(Self { aws, exchange, kube, proxy, kubeconfig, pod_token })
    }

    /// Returns the addresses of all servers.
    pub(crate) fn greeting(&self) -> Value {
        json!({
            "aws": self.aws.url(),
            "exchange": self.exchange.url(),
            "pod_token": self.pod_token,
            "kubernetes": self.kube.url(),
            "kubeconfig": self.kubeconfig,
            "proxy": self.proxy.as_ref().map(|proxy| proxy.url()),
        })
    }

    /// Runs one command and returns its answer. Returns `None` for `quit`.
    pub(crate) fn answer(&self, line: &str, now: SystemTime) -> Option<Value> {
        match line.split_once(' ').map_or((line, ""), |(word, rest)| (word, rest.trim())) {
            ("show", "") => Some(show::show(&self.aws, &self.exchange, &self.kube)),
            ("life", seconds) => match seconds.parse() {
                Ok(seconds) => {
                    self.aws.set_life(Duration::from_secs(seconds));
                    Some(json!({ "life": seconds }))
                }
                Err(_) => Some(json!({ "error": "life needs a number of seconds" })),
            },
            ("recipe", rest) => Some(self.recipe(rest, now).unwrap_or_else(|error| json!({ "error": error }))),
            ("suspend", namespace) => Some(self.suspend(namespace)),
            ("quit", "") => None,
            _ => Some(json!({ "error": format!("unknown command {line:?}: {COMMANDS}") })),
        }
    }

    /// Adds the objects of a shell script to a namespace. The token expires that many seconds from now. A negative
    /// number means that it expired in the past.
    fn recipe(&self, line: &str, now: SystemTime) -> Result<Value, &'static str> {
        let wrong = "recipe needs a namespace, a region, and the seconds in which its token ends, such as -60";
        let [namespace, region, seconds] = line.split(' ').collect::<Vec<_>>()[..] else { return Err(wrong) };
        let seconds = seconds.parse::<i64>().map_err(|_| wrong)?;
        let distance = Duration::from_secs(seconds.unsigned_abs());
        let ends_at = if seconds < 0 { now.checked_sub(distance) } else { now.checked_add(distance) };
        let host = format!("123456789012.dkr.ecr.{region}.amazonaws.com");
        Recipe::new(&host, ends_at.ok_or(wrong)?).add_to(&self.kube, namespace);
        Ok(json!({ "recipe": namespace }))
    }

    /// Suspends the CronJob of the script.
    fn suspend(&self, namespace: &str) -> Value {
        let Some(mut job) = self.kube.object("cronjobs", namespace, "ecr-creds-rotator") else {
            return json!({ "error": format!("there is no recipe in {namespace:?}") });
        };
        job["spec"]["suspend"] = true.into();
        self.kube.put("cronjobs", namespace, "ecr-creds-rotator", job, "oc");
        json!({ "suspended": namespace })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_stage_prints_its_addresses_and_executes_commands() {
        let dir = std::env::temp_dir().join(format!("regcred-fake-servers-{}", std::process::id()));
        let args =
            Args { dir: dir.clone(), namespaces: vec!["team-a".into()], registry: Some(([127, 0, 0, 1], 5000).into()) };
        let stage = Stage::start(&args).await.expect("the folder can be written");
        let greeting = stage.greeting();
        let kubeconfig = fs::read_to_string(greeting["kubeconfig"].as_str().expect("a path")).expect("it is written");
        assert!(kubeconfig.contains(greeting["kubernetes"].as_str().expect("an address")));
        assert!(["aws", "exchange", "proxy"].iter().all(|it| greeting[*it].is_string()), "{greeting:#}");
        let pod_token = greeting["pod_token"].as_str().expect("a path");
        assert_eq!(fs::read_to_string(pod_token).expect("it is written"), POD_TOKEN);
        assert!(stage.kube.object("serviceaccounts", "team-a", "builder").is_some());
        let answer = |line: &str| stage.answer(line, SystemTime::UNIX_EPOCH + Duration::from_hours(400_000));
        assert_eq!(answer("life 60"), Some(json!({ "life": 60 })));
        assert!(answer("life long").is_some_and(|answer| answer["error"].is_string()));
        assert!(answer("dance").is_some_and(|answer| answer["error"].is_string()));
        assert_eq!(answer("recipe team-a eu-west-1 -60"), Some(json!({ "recipe": "team-a" })));
        assert_eq!(answer("suspend team-a"), Some(json!({ "suspended": "team-a" })));
        assert!(
            stage
                .kube
                .object("cronjobs", "team-a", "ecr-creds-rotator")
                .is_some_and(|it| it["spec"]["suspend"] == true)
        );
        for wrong in ["recipe", "recipe team-a eu-west-1", "recipe team-a eu-west-1 soon", "suspend team-b"] {
            assert!(answer(wrong).is_some_and(|answer| answer["error"].is_string()), "{wrong}");
        }
        assert!(answer("show").is_some_and(|answer| answer["tokens"] == 0));
        assert_eq!(answer("quit"), None);
        fs::remove_dir_all(dir).expect("it is ours");
    }
}
