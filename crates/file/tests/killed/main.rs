//! A process that writes files is killed.

#[cfg(any(target_os = "linux", target_os = "macos"))]
mod killed;

fn main() {
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    killed::main();
}
