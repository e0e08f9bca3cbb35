//! The binary as a user runs it, against stand-ins on loopback.

mod bad;
mod canary;
mod check;
mod cleanup;
mod daemon;
mod endpoint;
mod faults;
mod full;
mod hostile;
mod init;
mod look;
mod malformed;
mod manifests;
mod monitoring;
mod next;
mod once;
mod online;
mod run;
mod scale;
mod selecting;
mod shell;
mod strange_files;
mod who;
mod world;
