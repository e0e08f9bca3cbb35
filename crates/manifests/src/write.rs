//! The manifests of an installation: its objects, and notes for the person who applies them.

use regcred_config::{Problem, Problems, Spec};
use regcred_core::InstanceName;
use regcred_plan::{Plan, PodIdentity, SinkPlan};
use serde_json::Value;

use crate::{
    Guard, Install, Mode, codes,
    codes::misfit,
    cronjob, guard, identity, leftover,
    need::{Need, sinks},
    object::{INSTANCE, Site},
    objects::objects,
};

/// Size limit of the config files, in bytes. A ConfigMap may hold 1 MiB, and other tools add annotations to it.
const LARGEST: usize = 900 * 1024;
/// Size limit of the annotation that `kubectl apply` writes, in bytes. Server-side apply writes no such annotation.
const LARGEST_NOTE: usize = 256 * 1024;

/// The objects for a cluster.
#[derive(Clone, Debug)]
pub struct Manifests {
    /// The objects, in the order of their creation.
    pub objects: Vec<Value>,
    /// Remaining manual steps and risks, in one or more lines each.
    pub notes: Vec<String>,
}

/// Returns the objects that run regcred with a config and grant the rights that the config needs.
///
/// These are problems:
///
/// - a sink that does not exist
/// - a file of the config that no volume provides
/// - a schedule that is too slow for a CronJob
/// - a config without targets in this cluster
pub fn manifests(plan: &Plan, install: &Install) -> Result<Manifests, Problems> {
    let Made { objects, rights, identity, kubectl } = made(plan, install)?;
    Ok(Manifests { objects, notes: [rights, identity, kubectl].concat() })
}

/// The objects, and notes on them by subject.
pub(crate) struct Made {
    pub(crate) objects: Vec<Value>,
    /// Notes on the rights that the objects grant, and the manual steps that remain.
    pub(crate) rights: Vec<String>,
    /// Manual steps for the identity of the pod.
    pub(crate) identity: Vec<String>,
    /// How to apply the objects with kubectl.
    pub(crate) kubectl: Vec<String>,
}

/// Returns the objects and notes of [`manifests()`].
pub(crate) fn made(plan: &Plan, install: &Install) -> Result<Made, Problems> {
    let here = sinks(plan, install.sink.as_ref())?;
    let (need, site) = (Need::of(plan, &here), Site::new(plan, install));
    let mut wrong = problems(plan, install, &need);
    let identity = match identity::of(plan, install, &site) {
        Ok(identity) => {
            wrong.extend(identity::problems(plan, install, &identity));
            identity
        }
        Err(problems) => {
            wrong.extend(Vec::from(problems));
            PodIdentity::default()
        }
    };
    Problems::check(wrong)?;
    let objects = objects(plan, install, &need, &identity, &site);
    Problems::check(guard::problems(&objects))?;
    let is_selecting = !need.selections().is_empty();
    let mut kubectl = of_kubectl(plan, install, &site, is_selecting);
    if objects.iter().any(|object| object.to_string().len() > LARGEST_NOTE) {
        kubectl.push(
            "an object is too large for the annotation of `kubectl apply`: apply the objects with --server-side".into(),
        );
    }
    let left = leftover::commands(plan, install, &need, &objects).join("\n  ");
    kubectl.push(format!(
        "delete the objects that another mode or version of this installation left:\n  {left}\n  If it was in another namespace: \
         print the old manifests with --namespace=OLD --no-namespace, and pipe them into `kubectl delete --ignore-not-found --filename -`"
    ));
    let (rights, identity) =
        (of_rights(plan, install, &site, is_selecting), identity::notes(install, &site, &identity));
    Ok(Made { objects, rights, identity, kubectl })
}

/// Returns a Job for Argo CD that runs the CronJob's first pass immediately. Problems are those of [`manifests()`].
pub fn first_run(plan: &Plan, install: &Install) -> Result<Manifests, Problems> {
    let site = Site::new(plan, install);
    let made = manifests(plan, install)?.objects;
    let first = made.iter().filter(|it| it["kind"] == "CronJob").map(|it| cronjob::first(&site, it));
    Ok(Manifests { objects: first.collect(), notes: vec![] })
}

fn problems(plan: &Plan, install: &Install, need: &Need) -> Vec<Problem> {
    let mut problems = vec![];
    let here = |(_, sink): &&(Spec, SinkPlan)| sink.cluster.is_some_and(|it| it.has_server && it.is_own);
    if install.mode.workload().is_some() {
        problems.extend(plan.sinks().values().filter(here).map(|(spec, _)| {
            spec.problem("server", "in its cluster a pod reaches the API server by another address, so it would refuse to work: leave it out")
        }));
    }
    if need.secrets().is_empty() {
        problems.push(misfit("targets: none of them is in this cluster: name another one with --sink".to_owned()));
    }
    if install.mode.workload().is_some() {
        let elsewhere = install.sink.as_ref().and_then(|sink| plan.sinks().get(sink));
        let reached = elsewhere.filter(|(_, sink)| sink.cluster.is_some_and(|it| !it.is_own));
        problems.extend(reached.map(|(spec, _)| {
            let message = "a pod in that cluster would authenticate with this file, not as its ServiceAccount: print only the rights, with --mode \
                           rights";
            spec.problem("kubeconfig", message)
        }));
    }
    if plan.prunes() && install.mode.watches() && need.selections().is_empty() {
        let message = "prune: regcred finds the Secrets to remove with a list of namespaces, but this config names each namespace: leave `prune` \
                       out, or select namespaces by pattern or label";
        problems.push(misfit(message));
    }
    if install.files.iter().map(String::len).sum::<usize>() > LARGEST {
        let message =
            "the config is too large for a ConfigMap: select namespaces by pattern or label instead of naming them";
        problems.push(Problem::everywhere(message).with_code(&codes::TOO_LARGE));
    }
    problems
}

/// Returns notes on the rights that the objects grant, and the manual steps that remain.
fn of_rights(plan: &Plan, install: &Install, site: &Site<'_>, is_selecting: bool) -> Vec<String> {
    let mut notes = vec![];
    if matches!(install.mode, Mode::CronJob(_)) {
        notes.extend(cronjob::warning(plan));
    }
    if is_selecting && install.guard == Guard::Nothing {
        notes.push(UNGUARDED.into());
    }
    if install.guard != Guard::Policy {
        notes.push(
            "without the policy, anyone who controls this pod can act as any ServiceAccount of the namespaces that it serves, because RBAC \
             cannot limit the types of Secrets"
                .into(),
        );
    }
    if is_selecting && install.guard == Guard::Bindings {
        let (account, namespace, wide) = (&site.account, site.namespace, site.wide("-target"));
        notes.push(format!(
            "each selected namespace needs a binding of its own, and so does each new one: kubectl create rolebinding {wide} \
             --clusterrole={wide} --serviceaccount={namespace}:{account} --namespace=NAMESPACE"
        ));
    }
    let egress = plan.egress().into_iter().collect::<Vec<_>>();
    if install.mode.workload().is_some() && !egress.is_empty() {
        notes.push(format!(
            "the pod connects to {}: allow this if a NetworkPolicy or a firewall limits egress",
            egress.join(", ")
        ));
    }
    if install.profiles {
        notes.push(
            "to let a user label a namespace regcred.dev/profile=NAME, bind the user to a ClusterRole with the rule { apiGroups: \
             [regcred.dev], resources: [profiles], resourceNames: [NAME], verbs: [use] }"
                .into(),
        );
    }
    notes
}

/// Returns notes on the differences between `kubectl apply` and a tool that tracks what it applied.
fn of_kubectl(plan: &Plan, install: &Install, site: &Site<'_>, is_selecting: bool) -> Vec<String> {
    let mut notes = vec![];
    let (name, namespace) = (&site.name, site.namespace);
    if matches!(install.mode, Mode::CronJob(_)) {
        notes.push(format!(
            "the first pass: kubectl create job --namespace={namespace} --from=cronjob/{name} {name}-first"
        ));
    }
    if is_selecting && install.guard == Guard::Policy {
        let wide = site.wide("-target");
        notes.push(format!(
            "these rights are safe only with the guard, which requires Kubernetes 1.30 or OpenShift 4.17. kubectl continues after an error: if it \
             cannot apply a policy named {name}-guard-*, run `kubectl delete clusterrolebinding {wide}`. On older servers print with --role-bindings"
        ));
    }
    notes.extend(plan.previous_instance().map(|previous| renamed(previous, site)));
    if matches!(install.mode, Mode::Daemon(..)) && install.monitoring {
        notes.push(
            "the last two objects, ServiceMonitor and PrometheusRule, need the CRDs of the Prometheus operator. On a cluster without them \
             kubectl applies everything else and exits with 1: print with --no-monitoring"
                .into(),
        );
    }
    notes
}

/// Returns how to rename an installation without a gap. Its Secrets have the label of the instance too, and are kept.
fn renamed(previous: &InstanceName, site: &Site<'_>) -> String {
    let (namespace, label) = (site.namespace, format!("--selector={INSTANCE}={previous}"));
    let own =
        "cronjob,job,deployment,service,networkpolicy,poddisruptionbudget,configmap,role,rolebinding,serviceaccount";
    let wide = "validatingadmissionpolicybinding,validatingadmissionpolicy,clusterrolebinding,clusterrole";
    format!(
        "before you apply this, stop instance {previous}, which would write its Secrets back:\n  kubectl delete cronjob,deployment \
         --namespace={namespace} {label}\n  After a pass, when `regcred status` reports every Secret as fresh, remove the rest of it:\n  \
         regcred cleanup --instance {previous}\n  kubectl delete {own} --namespace={namespace} {label}\n  kubectl delete rolebinding \
         --all-namespaces {label}\n  kubectl delete {wide} {label}"
    )
}

/// Explains why a cluster-wide right to write a Secret of one name gives full control of the cluster.
pub(crate) const UNGUARDED: &str = "UNGUARDED: anyone who controls this pod can take over the cluster. The pod may write Secrets of its names in every \
    namespace, including kube-system. RBAC cannot limit the types of Secrets. A Secret of type kubernetes.io/service-account-token returns the token of \
    any ServiceAccount of its namespace. On Kubernetes 1.30, OpenShift 4.17 and later leave --unguarded out. On older servers use --role-bindings";
