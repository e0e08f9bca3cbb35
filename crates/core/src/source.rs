//! The port that discovers targets.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::{Result, Target};

/// Discovers targets.
///
/// An implementation sends every target, then [`TargetEvent::Synced`], then each target that changes. It returns
/// `Ok(())` if no target can change any more. After an error, regcred calls it again. A target that it does not send
/// before the next `Synced` is gone. The future may be dropped at any await.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait TargetSource: fmt::Debug + Send + Sync + 'static {
    /// Sends events until no target can change any more.
    async fn watch(&self, sender: TargetSender) -> Result<()>;
}

/// An event about a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetEvent {
    /// The target appeared or changed, or an object that it depends on changed.
    Present(Target),
    /// The target still exists and may have changed. It is reconciled after all others.
    Again(Target),
    /// The target is gone.
    Gone(Target),
    /// Every target that exists was sent.
    Synced,
}

/// The sending end of a channel for the events of a source. It waits while the receiver is busy.
#[derive(Clone, Debug)]
pub struct TargetSender {
    route: usize,
    sender: mpsc::Sender<(usize, TargetEvent)>,
}

impl TargetSender {
    /// Returns a sender and its receiver, which buffers `capacity` events.
    pub fn channel(capacity: usize) -> (Self, TargetReceiver) {
        let (sender, receiver) = mpsc::channel(capacity);
        (Self { route: 0, sender }, TargetReceiver(receiver))
    }

    /// Returns a sender to the same receiver for another route.
    #[must_use]
    pub fn for_route(&self, route: usize) -> Self {
        Self { route, sender: self.sender.clone() }
    }

    /// Sends an event. Does nothing if the receiver is gone, because the source is then about to be dropped.
    pub async fn send(&self, event: TargetEvent) {
        self.sender.send((self.route, event)).await.ok();
    }
}

/// The receiver of the events of all sources, in the order in which they were sent.
#[derive(Debug)]
pub struct TargetReceiver(mpsc::Receiver<(usize, TargetEvent)>);

impl TargetReceiver {
    /// Returns the next event with its route. `None`: every sender is gone. The future may be dropped at its await.
    pub async fn next(&mut self) -> Option<(usize, TargetEvent)> {
        self.0.recv().await
    }

    /// Returns the next event if it has already arrived. `None`: none has.
    pub fn try_next(&mut self) -> Option<(usize, TargetEvent)> {
        self.0.try_recv().ok()
    }

    /// Returns whether no event has arrived.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A fixed list of targets.
#[async_trait]
impl TargetSource for Vec<Target> {
    async fn watch(&self, sender: TargetSender) -> Result<()> {
        for target in self {
            sender.send(TargetEvent::Present(target.clone())).await;
        }
        sender.send(TargetEvent::Synced).await;
        Ok(())
    }
}

#[async_trait]
impl<S: TargetSource + ?Sized> TargetSource for Arc<S> {
    async fn watch(&self, sender: TargetSender) -> Result<()> {
        (**self).watch(sender).await
    }
}
