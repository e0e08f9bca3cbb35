//! A forward proxy as `HTTPS_PROXY` names it.

mod page;
mod proxy;
mod state;
#[cfg(test)]
mod tests;
mod tunnel;

pub use proxy::ForwardProxy;
