//! The pages for people, which stand in `docs/` of the repository too.

macro_rules! pages {
    ($($(#[$doc:meta])* $name:ident: $file:literal,)*) => {
        $(
            $(#[$doc])*
            #[doc = ""]
            #[doc = include_str!(concat!("../docs/", $file))]
            pub mod $name {}
        )*
    };
}

pages! {
    /// From one config file to a running cluster.
    install: "install.md",
    /// The config file.
    config_file: "config.md",
    /// Kubeconfigs and proxies, beside kubectl.
    kubectl: "kubectl.md",
    /// Metrics, alerts and a dashboard of the daemon.
    monitoring: "monitoring.md",
    /// Each request for a project on OpenShift.
    project_template: "project-template.md",
    /// From a shell script in a CronJob.
    coming_from_the_recipe: "coming-from-the-recipe.md",
    /// From `k8s-ecr-login-renew`.
    coming_from_k8s_ecr_login_renew: "coming-from-k8s-ecr-login-renew.md",
    /// From the External Secrets Operator.
    coming_from_external_secrets: "coming-from-external-secrets.md",
    /// Beside Argo CD and Flux.
    gitops: "gitops.md",
    /// Without a way out, or through a proxy.
    air_gapped: "air-gapped.md",
    /// What to do about it.
    leaked_token: "leaked-token.md",
    /// When something else is the better choice.
    when_not: "when-not.md",
    /// What goes wrong, and what happens then.
    faults: "faults.md",
}
