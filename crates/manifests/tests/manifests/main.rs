//! The objects as their readers take them: an API server's policies, its schemas, and people.

mod guard;
mod policy;
