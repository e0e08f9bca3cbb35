//! The identity behind the call changes, or is missing for a moment.

use std::fs;

use super::{BRIEFLY, FORCED, ONE};
use crate::world::{World, of, run};

/// Case 8: the token file of a web identity rotates, is empty or missing for a moment, or holds an expired token.
///
/// Each pass reads the file again. An empty file is a temporary failure, and a missing file is a configuration error.
/// STS denies an expired token. Secrets stay, and the first pass with a valid file refreshes them.
#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_or_missing_web_identity_file_is_read_again_by_each_pass() {
    let world = World::new(&["team-a"]).await;
    let file = world.write("token", "one");
    let pass = |args: &[&str]| {
        let mut once = world.once(ONE, args);
        once.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
        once.env("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/pull").env("AWS_WEB_IDENTITY_TOKEN_FILE", &file);
        run(&mut once)
    };
    assert_eq!(pass(BRIEFLY).0, 0);
    let before = world.secret("team-a");
    fs::write(&file, "").expect("it can be written");
    let (code, report, _) = pass(FORCED);
    assert!(code == 3 && of(&report, "team-a").1.contains("is empty"), "{report:#}");
    fs::remove_file(&file).expect("it can be removed");
    let (code, report, _) = pass(FORCED);
    assert!(code == 2 && of(&report, "team-a").1.contains("it does not exist"), "{report:#}");
    fs::write(&file, "two").expect("it can be written");
    world.aws.expire_web_identity("two");
    let (code, report, _) = pass(FORCED);
    let (_, why) = of(&report, "team-a");
    assert!(code == 2 && why.contains("sts:AssumeRoleWithWebIdentity") && why.contains("ExpiredToken"), "{why}");
    assert_eq!(world.secret("team-a"), before);
    fs::write(&file, "three").expect("it can be written");
    assert_eq!(pass(FORCED).0, 0);
    assert_ne!(world.secret("team-a"), before);
}
