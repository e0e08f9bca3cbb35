//! The bot does its work, receives events from its engine, and exits.

use std::process::Command;

#[test]
fn all_teams_share_one_mint_and_regcred_stops_with_the_bot() {
    let output = Command::new(env!("CARGO_BIN_EXE_build-bot")).output().expect("it starts");
    let said = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{said}");
    let mut lines = said.lines().collect::<Vec<_>>();
    assert_eq!(lines.pop(), Some("bot: done"), "{said}");
    lines.sort_unstable(); // the runtime decides which task runs first
    let expected = [
        "bot: team-a pushes to quay.io as bot+robot",
        "bot: team-b pushes to quay.io as bot+robot",
        "regcred: robot gave a login",
        "regcred: team-a is fresh",
        "regcred: team-b is fresh",
    ];
    assert_eq!(lines, expected);
}
