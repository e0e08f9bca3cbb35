//! Leader election among several daemons.

/// A Lease in a cluster.
#[cfg(feature = "openshift")]
pub(crate) type Leader = regcred_openshift::Lease;

/// Without a cluster there is no election.
#[cfg(not(feature = "openshift"))]
#[derive(Debug)]
pub(crate) enum Leader {}

#[cfg(not(feature = "openshift"))]
#[expect(clippy::unused_async, reason = "as the Lease of a cluster has them")]
impl Leader {
    pub(crate) fn is_held(&self) -> bool {
        match *self {}
    }

    pub(crate) async fn gained(&self) {
        match *self {}
    }

    pub(crate) async fn lost(&self) {
        match *self {}
    }

    pub(crate) async fn died(&self) {
        match *self {}
    }

    pub(crate) async fn release(self) {
        match self {}
    }
}

/// Waits until this daemon loses leadership. `None`: never.
pub(crate) async fn lost(leader: Option<&Leader>) {
    match leader {
        Some(leader) => leader.lost().await,
        None => std::future::pending().await,
    }
}

/// Waits until leader election has stopped. `None`: never.
pub(crate) async fn died(leader: Option<&Leader>) {
    match leader {
        Some(leader) => leader.died().await,
        None => std::future::pending().await,
    }
}
