//! A fake of the services that exchange a token for a registry login.

mod azure;
mod call;
mod fake;
mod google;
mod issue;
mod refusal;
mod robot;
mod route;
mod state;

pub use fake::FakeExchange;
