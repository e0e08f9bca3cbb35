//! The handle of a running daemon.

use std::sync::Arc;

use regcred_core::{Error, ErrorKind, Result};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};

use super::health::Health;

use crate::codes;

/// A command for the daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Finish the writes in progress, and end.
    Stop,
    /// Read the config again.
    Reload,
    /// Mint again, and write every target.
    Refresh,
}

/// A running daemon. It ends when the handle is dropped. No write is left half done.
#[derive(Debug)]
pub struct Handle {
    pub(crate) commands: mpsc::UnboundedSender<Command>,
    pub(crate) first_pass: watch::Receiver<bool>,
    pub(crate) health: Arc<Health>,
    pub(crate) task: JoinHandle<Result<()>>,
}

impl Handle {
    /// Waits until every source has named its targets, and each of them was reconciled once. The targets may still have
    /// failed.
    ///
    /// Fails with [`ErrorKind::Gone`] if the daemon ends before.
    pub async fn first_pass(&self) -> Result<()> {
        let done = self.first_pass.clone().wait_for(|done| *done).await.map(drop);
        done.map_err(|_| Error::new(&codes::ENDED, "cannot finish the first pass").with_cause("the daemon ended"))
    }

    /// Returns the health, for probes.
    pub fn health(&self) -> Arc<Health> {
        self.health.clone()
    }

    /// Reads the config again. An invalid config is logged, and the old one stays in effect.
    pub fn reload(&self) {
        self.send(Command::Reload);
    }

    /// Mints every credential again and writes every target, at the rate of `max_writes_per_second`.
    pub fn refresh(&self) {
        self.send(Command::Refresh);
    }

    /// Asks the daemon to end. [`Handle::ended`] waits for it.
    pub fn stop(&self) {
        self.send(Command::Stop);
    }

    /// Waits until the daemon has ended. It ends by itself, with an error, only if leader election stops.
    pub async fn ended(&mut self) -> Result<()> {
        let panicked = |_| Err(Error::new(ErrorKind::Bug, "cannot run the daemon").with_cause("it panicked"));
        (&mut self.task).await.unwrap_or_else(panicked)
    }

    /// Ends the daemon, and waits for the writes in progress, for at most 20 s.
    pub async fn shutdown(mut self) -> Result<()> {
        self.stop();
        self.ended().await
    }

    fn send(&self, command: Command) {
        // The send fails only if the daemon has ended already.
        self.commands.send(command).ok();
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.task.abort();
    }
}
