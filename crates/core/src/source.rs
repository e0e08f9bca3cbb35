//! The port to whoever knows which targets exist.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::{Result, Target};

/// Finds targets.
///
/// What an implementation owes: it names every target, then says [`Sighting::Synced`], then names again whatever deserves
/// another look. `Ok(())` means that nothing will change any more; after an error it is started again, and what it has not
/// named before the next `Synced` is gone. The future may be dropped at any await.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait TargetSource: fmt::Debug + Send + Sync + 'static {
    /// Sends what it sees until nothing can change any more.
    async fn watch(&self, feed: Feed) -> Result<()>;
}

/// What a source saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sighting {
    /// It appeared, or it, or something it stands on, was touched.
    Present(Target),
    /// It is there still, and nobody knows whether it was touched: worth a look once there is time.
    Again(Target),
    /// It is no target any more.
    Gone(Target),
    /// Everything that exists has been named.
    Synced,
}

/// Where a source puts what it sees. Waits while the receiver is busy.
#[derive(Clone, Debug)]
pub struct Feed {
    route: usize,
    sender: mpsc::Sender<(usize, Sighting)>,
}

impl Feed {
    /// A feed and its other end, which holds so many sightings that nobody has taken yet.
    pub fn channel(capacity: usize) -> (Self, Sightings) {
        let (sender, receiver) = mpsc::channel(capacity);
        (Self { route: 0, sender }, Sightings(receiver))
    }

    /// Another way into the same end, which arrives there under this number.
    #[must_use]
    pub fn for_route(&self, route: usize) -> Self {
        Self { route, sender: self.sender.clone() }
    }

    /// Passes on one sighting. If nobody listens any more, nothing happens: the source is about to be dropped.
    pub async fn send(&self, sighting: Sighting) {
        self.sender.send((self.route, sighting)).await.ok();
    }
}

/// What sources saw, in order.
#[derive(Debug)]
pub struct Sightings(mpsc::Receiver<(usize, Sighting)>);

impl Sightings {
    /// The next sighting with the number of its route; `None` once every feed is gone. May be dropped at its await.
    pub async fn next(&mut self) -> Option<(usize, Sighting)> {
        self.0.recv().await
    }

    /// A sighting that is there already; `None`: nothing waits.
    pub fn try_next(&mut self) -> Option<(usize, Sighting)> {
        self.0.try_recv().ok()
    }

    /// Whether nothing waits at this moment.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A fixed list.
#[async_trait]
impl TargetSource for Vec<Target> {
    async fn watch(&self, feed: Feed) -> Result<()> {
        for target in self {
            feed.send(Sighting::Present(target.clone())).await;
        }
        feed.send(Sighting::Synced).await;
        Ok(())
    }
}

#[async_trait]
impl<S: TargetSource + ?Sized> TargetSource for Arc<S> {
    async fn watch(&self, feed: Feed) -> Result<()> {
        (**self).watch(feed).await
    }
}
