//! The objects as their readers take them.

mod guard;
mod leftover;
