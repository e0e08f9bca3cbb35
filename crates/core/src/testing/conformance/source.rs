//! The conformance suite for sources of targets.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::time::timeout;

use super::after_polls;
use crate::{Target, TargetEvent, TargetReceiver, TargetSender, TargetSource};

/// The number of dropped calls after which the suite treats the source as stuck.
const AWAITS: usize = 1000;
/// The longest wait for an event. Nothing on loopback takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A source, and direct access to the place that it discovers targets in.
#[async_trait]
pub trait SourceUnderTest: Send + Sync {
    /// Returns the source, with at least one target.
    async fn source(&self) -> Arc<dyn TargetSource>;

    /// Returns all current targets.
    async fn targets(&self) -> BTreeSet<Target>;

    /// Creates one more target. Default, `None`: the targets are fixed.
    async fn add(&self) -> Option<Target> {
        None
    }

    /// Removes a target that [`add`](Self::add) has created. Default: does nothing, because `add` creates none.
    async fn remove(&self, _: &Target) {}
}

/// Checks a source.
///
/// # Panics
///
/// With the rule that the source breaks.
pub async fn source(under_test: &dyn SourceUnderTest) {
    names_everything_and_then_says_so(under_test).await;
    begins_anew_after_a_dropped_call(under_test).await;
    follows_what_comes_and_goes(under_test).await;
}

async fn next(receiver: &mut TargetReceiver, rule: &str) -> Option<TargetEvent> {
    let next = timeout(PATIENCE, receiver.next()).await.unwrap_or_else(|_| panic!("{rule}: nothing was sent"));
    next.map(|(_, event)| event)
}

/// Returns the targets that a source sends until it sends `Synced` or ends.
async fn named(receiver: &mut TargetReceiver) -> BTreeSet<Target> {
    let mut named = BTreeSet::new();
    loop {
        match next(receiver, "a source names everything").await {
            Some(TargetEvent::Present(target) | TargetEvent::Again(target)) => drop(named.insert(target)),
            Some(TargetEvent::Gone(target)) => drop(named.remove(&target)),
            Some(TargetEvent::Synced) | None => return named,
        }
    }
}

async fn names_everything_and_then_says_so(under_test: &dyn SourceUnderTest) {
    let source = under_test.source().await;
    let expected = under_test.targets().await;
    assert!(!expected.is_empty(), "the test's source has a target");
    for _ in 0..2 {
        let (sender, mut receiver) = TargetSender::channel(1);
        let again = source.clone();
        let task = tokio::spawn(async move { again.watch(sender).await });
        assert_eq!(
            named(&mut receiver).await,
            expected,
            "every target is named before `Synced`, and again by the next call"
        );
        task.abort();
    }
}

async fn begins_anew_after_a_dropped_call(under_test: &dyn SourceUnderTest) {
    let (source, expected) = (under_test.source().await, under_test.targets().await);
    for polls in 0..AWAITS {
        let (sender, mut receiver) = TargetSender::channel(1);
        let is_done = tokio::select! {
            biased;
            finished = after_polls(polls, source.watch(sender)) => finished.is_some(),
            _ = named(&mut receiver) => true,
        };
        if is_done {
            let (sender, mut receiver) = TargetSender::channel(1);
            let again = source.clone();
            let task = tokio::spawn(async move { again.watch(sender).await });
            assert_eq!(
                named(&mut receiver).await,
                expected,
                "a call works after one that was dropped at await {polls}"
            );
            task.abort();
            return;
        }
    }
    panic!("a source names everything within {AWAITS} polls");
}

async fn follows_what_comes_and_goes(under_test: &dyn SourceUnderTest) {
    let source = under_test.source().await;
    let (sender, mut receiver) = TargetSender::channel(16);
    let task = tokio::spawn(async move { source.watch(sender).await });
    named(&mut receiver).await;
    if let Some(target) = under_test.add().await {
        let rule = "a target that appears is named";
        while next(&mut receiver, rule).await.expect(rule) != TargetEvent::Present(target.clone()) {}
        under_test.remove(&target).await;
        let rule = "a target that ends is gone";
        while next(&mut receiver, rule).await.expect(rule) != TargetEvent::Gone(target.clone()) {}
    }
    task.abort();
}
