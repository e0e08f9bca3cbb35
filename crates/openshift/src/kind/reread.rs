//! A source that repeats a list of targets, for stores without a watch.

use std::time::Duration;

use async_trait::async_trait;
use regcred_core::{Feed, Result, Sighting, Target, TargetSource};
use tokio::time::sleep;

/// Names all of its targets, and then each again once in the time given, one after another.
#[derive(Debug)]
pub(crate) struct Reread {
    pub(crate) targets: Vec<Target>,
    pub(crate) every: Duration,
}

#[async_trait]
impl TargetSource for Reread {
    async fn watch(&self, feed: Feed) -> Result<()> {
        self.targets.watch(feed.clone()).await?;
        let Ok(count) = u32::try_from(self.targets.len().max(1)) else { return Ok(()) };
        loop {
            for target in &self.targets {
                sleep(self.every / count).await;
                feed.send(Sighting::Again(target.clone())).await;
            }
            if self.targets.is_empty() {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use regcred_core::testing::target;
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_target_is_named_again_once_in_the_time_given() {
        let (feed, mut sightings) = Feed::channel(16);
        let (a, b) = (target("a"), target("b"));
        let source = Reread { targets: vec![a.clone(), b.clone()], every: Duration::from_mins(5) };
        let watching = tokio::spawn(async move { source.watch(feed).await });
        let start = Instant::now();
        let mut seen = vec![];
        for _ in 0..6 {
            let (_, sighting) = sightings.next().await.expect("it goes on");
            seen.push((start.elapsed().as_secs(), sighting));
        }
        let (present, again) = (|it: &Target| Sighting::Present(it.clone()), |it: &Target| Sighting::Again(it.clone()));
        assert_eq!(
            seen,
            [
                (0, present(&a)),
                (0, present(&b)),
                (0, Sighting::Synced),
                (150, again(&a)),
                (300, again(&b)),
                (450, again(&a))
            ]
        );
        watching.abort();
    }
}
