//! The codes of this crate: one for each kind of failure, and those that every adapter shares.

use crate::{Code, ErrorKind, codes};

codes! {
    /// The general codes, one for each [`ErrorKind`].
    pub GENERAL;
    INVALID = "RC0001", Invalid, "The input is not valid",
        cause "regcred cannot use a value. No other code describes the problem more exactly.",
        fix "Correct the value that the message names.";
    UNAUTHENTICATED = "RC0002", Unauthenticated, "A server does not recognise the caller",
        cause "The credentials of regcred are missing, expired or revoked at the server that the message names.",
        fix "Log in again, or replace the credentials.";
    DENIED = "RC0003", Denied, "A permission is missing",
        cause "The server knows regcred, and does not allow the action.",
        fix "Grant the action that the message names. `regcred check --online` prints the rule.";
    REFUSED = "RC0004", Refused, "regcred leaves the target unchanged",
        cause "The target has another owner, or regcred would lose data in it.",
        fix "Choose another name in the config, or make the owner release the target.";
    GONE = "RC0005", Gone, "The place of the target does not exist",
        cause "The place was deleted, or is being deleted.",
        fix "No action is needed. Remove the target from the config if its place never returns.";
    CONFLICT = "RC0006", Conflict, "Another writer was faster",
        cause "The target changed between the read and the write.",
        fix "No action is needed, because regcred retries. Find the other writer if the error persists.";
    MALFORMED = "RC0007", Malformed, "A response is not valid",
        cause "The server, or a proxy in front of it, answered with something that regcred does not understand.",
        fix "Check the endpoint and the proxy.";
    THROTTLED = "RC0008", Throttled, "A server asks regcred to wait",
        cause "The server limits the rate of requests. regcred waits as long as the server asks.",
        fix "No action is needed if it passes. Otherwise reduce the number of clients of that server.";
    UNREACHABLE = "RC0009", Unreachable, "A server cannot be reached",
        cause "The server did not answer in time, the connection failed, or the server reports an internal error.",
        fix "Check the network, the proxy and the state of the server. regcred retries.";
    BUG = "RC0010", Bug, "regcred or a plug-in has a bug",
        cause "The code panicked, or broke a contract between two parts.",
        fix "Report it with the message and the version.";
}

codes! {
    /// The codes of failures that every adapter can report.
    pub SHARED;
    FILE = "RC0011", Invalid, "A file cannot be read",
        cause "The file is missing, is not readable by the user of the process, is too large, or is not UTF-8.",
        fix "Correct the path or the permissions of the file that the message names.";
    PROXY = "RC0012", Invalid, "A proxy setting cannot be used",
        cause "HTTPS_PROXY, HTTP_PROXY or NO_PROXY has a value that is not the URL of an HTTP proxy, or not a list of hosts.",
        fix "Set the variable to a URL such as `http://proxy.example.com:3128`, or remove it.";
    NAME = "RC0013", Invalid, "A name is not valid",
        cause "A registry, an image, a pattern, a namespace or another name does not follow its syntax.",
        fix "Correct the name. The message contains the reason.";
    CREDENTIAL = "RC0014", Malformed, "A provider returned a credential that cannot be used",
        cause "The credential has no login, an invalid login, no registry, or an impossible expiry.",
        fix "Check the provider, and a proxy between regcred and the registry. If you wrote the provider, run its conformance suite.";
    ANOTHER_PROVIDER = "RC0015", Invalid, "Two providers have a login for the same registry",
        cause "Two providers of one target open the same registry, so one login would overwrite the other.",
        fix "Use only one of these providers for the target.";
    FOREIGN = "RC0021", Refused, "The target belongs to another owner",
        cause "Another program or a person wrote the target, and regcred would overwrite it.",
        fix "Choose another name, merge with `secret: { merge: true }`, or take the Secret over with `secret: { adopt: true }`.";
    OTHER_INSTANCE = "RC0022", Refused, "The target belongs to another installation of regcred",
        cause "The name of the installation in the target is not the `instance` of this config.",
        fix "Remove the target from one of the two configs, or remove it with `regcred cleanup --instance` first.";
    UNREADABLE = "RC0023", Refused, "The content of the target cannot be read",
        cause "The content is damaged or has an unknown form, so regcred cannot keep the data of other owners in it.",
        fix "Correct the content, or delete the target if no other program needs its data.";
}

/// The general code of each kind, for failures without a code of their own.
impl From<ErrorKind> for &'static Code {
    fn from(kind: ErrorKind) -> Self {
        let general = |code: &&Code| code.kind() == kind;
        GENERAL.iter().copied().find(general).expect("each kind has a general code")
    }
}
