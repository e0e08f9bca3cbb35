//! The pages of the book, which are in `docs/` of the repository too.
// Made by `cargo xtask generate` from docs/SUMMARY.md.

/// Introduction
#[doc = ""]
#[doc = include_str!("guide.md")]
#[doc = include_str!("../docs/README.md")]
pub mod introduction {}

/// Quick start
#[doc = ""]
#[doc = include_str!("guide.md")]
#[doc = include_str!("../docs/quick-start.md")]
pub mod quick_start {}

/// Install
#[doc = ""]
#[doc = include_str!("guide.md")]
#[doc = include_str!("../docs/install.md")]
pub mod install {}

/// When not to use it
#[doc = ""]
#[doc = include_str!("guide.md")]
#[doc = include_str!("../docs/when-not.md")]
pub mod when_not {}

/// Registries
#[doc = ""]
#[doc = include_str!("guide.md")]
#[doc = include_str!("../docs/registries.md")]
pub mod registries {}

/// Files of a machine
#[doc = ""]
#[doc = include_str!("guide.md")]
#[doc = include_str!("../docs/files.md")]
pub mod files {}

/// Kubeconfigs and proxies
#[doc = ""]
#[doc = include_str!("guide.md")]
#[doc = include_str!("../docs/kubectl.md")]
pub mod kubectl {}

/// Monitoring
#[doc = ""]
#[doc = include_str!("guide.md")]
#[doc = include_str!("../docs/monitoring.md")]
pub mod monitoring {}

/// Project template
#[doc = ""]
#[doc = include_str!("guide.md")]
#[doc = include_str!("../docs/project-template.md")]
pub mod project_template {}

/// Argo CD and Flux
#[doc = ""]
#[doc = include_str!("guide.md")]
#[doc = include_str!("../docs/gitops.md")]
pub mod gitops {}

/// Air-gapped clusters
#[doc = ""]
#[doc = include_str!("guide.md")]
#[doc = include_str!("../docs/air-gapped.md")]
pub mod air_gapped {}

/// A leaked token
#[doc = ""]
#[doc = include_str!("guide.md")]
#[doc = include_str!("../docs/leaked-token.md")]
pub mod leaked_token {}

/// Coming from a shell script
#[doc = ""]
#[doc = include_str!("guide.md")]
#[doc = include_str!("../docs/coming-from-the-recipe.md")]
pub mod coming_from_the_recipe {}

/// Coming from k8s-ecr-login-renew
#[doc = ""]
#[doc = include_str!("guide.md")]
#[doc = include_str!("../docs/coming-from-k8s-ecr-login-renew.md")]
pub mod coming_from_k8s_ecr_login_renew {}

/// Coming from External Secrets
#[doc = ""]
#[doc = include_str!("guide.md")]
#[doc = include_str!("../docs/coming-from-external-secrets.md")]
pub mod coming_from_external_secrets {}

/// Config file
#[doc = ""]
#[doc = include_str!("guide.md")]
#[doc = include_str!("../docs/config.md")]
pub mod config {}

/// Command line
#[doc = ""]
#[doc = include_str!("guide.md")]
#[doc = include_str!("../docs/cli.md")]
pub mod cli {}

/// Error codes
#[doc = ""]
#[doc = include_str!("guide.md")]
#[doc = include_str!("../docs/errors.md")]
pub mod errors {}

/// Faults
#[doc = ""]
#[doc = include_str!("guide.md")]
#[doc = include_str!("../docs/faults.md")]
pub mod faults {}

/// Embed the library
#[doc = ""]
#[doc = include_str!("guide.md")]
#[doc = include_str!("../docs/embedding.md")]
pub mod embedding {}

/// Write a provider
#[doc = ""]
#[doc = include_str!("guide.md")]
#[doc = include_str!("../docs/writing-a-provider.md")]
pub mod writing_a_provider {}

/// Write a sink
#[doc = ""]
#[doc = include_str!("guide.md")]
#[doc = include_str!("../docs/writing-a-sink.md")]
pub mod writing_a_sink {}
