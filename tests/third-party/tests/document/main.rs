//! The types of this crate pass the conformance suite, and need little code.

mod documents;

use std::sync::Arc;

use documents::Documents;
use regcred_core::{
    Clock, RegistryProvider, SystemClock, async_trait,
    testing::conformance::{self, ProviderUnderTest},
};
use third_party::Robot;

/// Other users of `documents.rs` import it from a module with this name.
mod shelf {
    pub(crate) use third_party::Shelf;
}

#[tokio::test(start_paused = true)]
async fn the_document_sink_of_a_custom_store_conforms() {
    conformance::sink(&Documents::new()).await;
}

struct Robots;

#[async_trait]
impl ProviderUnderTest for Robots {
    fn canary(&self) -> &str {
        "opens-nothing"
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(SystemClock)
    }

    async fn provider(&self) -> Arc<dyn RegistryProvider> {
        Arc::new(Robot { host: "quay.io".into() })
    }

    async fn misled(&self) -> Arc<dyn RegistryProvider> {
        Arc::new(Robot { host: "no registry".into() })
    }
}

#[tokio::test]
async fn the_robot_provider_conforms() {
    conformance::provider(&Robots).await;
}

#[test]
fn both_types_need_at_most_80_lines_of_code() {
    let code = include_str!("../../src/lib.rs").lines().map(str::trim);
    let lines = code.filter(|it| !it.is_empty() && !it.starts_with("//")).count();
    assert!((40..=80).contains(&lines), "{lines} lines");
}
