//! A forward proxy for `HTTPS_PROXY`.

mod page;
mod proxy;
mod state;
#[cfg(test)]
mod tests;
mod tunnel;

pub use proxy::ForwardProxy;
