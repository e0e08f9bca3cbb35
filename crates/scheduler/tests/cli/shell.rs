//! The output for shells and for `man`.

use std::{
    fs,
    process::{Command, Stdio},
};

use crate::world::regcred;

#[test]
fn bash_accepts_the_completions() {
    let script = regcred(&["completions", "bash"]).output().expect("it starts");
    assert_eq!(script.status.code(), Some(0));
    let script = String::from_utf8(script.stdout).expect("text");
    let complete = format!(
        "{script}\nCOMP_WORDS=(regcred st) COMP_CWORD=1 && _regcred regcred st regcred && echo \"${{COMPREPLY[@]}}\""
    );
    let bash = Command::new("bash").args(["--norc", "-c", &complete]).stderr(Stdio::inherit()).output();
    assert_eq!(String::from_utf8_lossy(&bash.expect("bash is there").stdout).trim(), "status");
}

#[test]
fn every_shell_has_completions() {
    for shell in ["zsh", "fish", "powershell", "elvish"] {
        let output = regcred(&["completions", shell]).output().expect("it starts");
        assert!(String::from_utf8_lossy(&output.stdout).contains("detailed-exitcode"), "{shell}");
    }
}

#[test]
fn every_command_has_a_man_page_with_its_exit_codes() {
    let dir = tempfile::tempdir().expect("a folder");
    let pages = dir.path().join("man1");
    let made = regcred(&["man"]).arg(&pages).output().expect("it starts");
    assert_eq!(made.status.code(), Some(0), "{}", String::from_utf8_lossy(&made.stderr));
    for command in ["", "-init", "-once", "-plan", "-status", "-check", "-next", "-completions", "-man", "-version"] {
        let page = fs::read_to_string(pages.join(format!("regcred{command}.1"))).expect(command);
        assert!(page.contains(".SH NAME"), "{page}");
    }
    let once = fs::read_to_string(pages.join("regcred-once.1")).expect("it is there");
    assert!(once.contains("every target is fresh") && once.contains("$ regcred once"), "{once}");
    let blocked = dir.path().join("file");
    fs::write(&blocked, "").expect("it can be written");
    assert_eq!(regcred(&["man"]).arg(&blocked).output().expect("it starts").status.code(), Some(2));
}
