//! Stable codes for the causes of failures.

use std::fmt;

use crate::ErrorKind;

/// A cause of failures, with a stable identifier, such as `RC0302`.
///
/// A message may change between versions. Its code does not, so scripts, alerts and searches can rely on it.
/// `regcred explain` prints the texts.
///
/// The identifiers of regcred are `RC` and four digits. Other libraries use their own prefix:
///
/// ```
/// use regcred_core::{Code, Error, ErrorKind};
///
/// static REVOKED: Code = Code::new(
///     "ACME0001",
///     ErrorKind::Denied,
///     "The robot account is revoked",
///     "An administrator of the registry revoked the robot account.",
///     "Create a robot account, and set its name as `account` of the provider.",
/// );
///
/// let error = Error::new(&REVOKED, "cannot get a token: the robot account is revoked");
/// assert_eq!(error.kind(), ErrorKind::Denied);
/// assert_eq!(error.code().id(), "ACME0001");
/// ```
#[derive(Debug)]
pub struct Code {
    id: &'static str,
    kind: ErrorKind,
    title: &'static str,
    cause: &'static str,
    fix: &'static str,
}

impl Code {
    /// Creates a code. `title` has no full stop. `cause` and `fix` are sentences.
    pub const fn new(
        id: &'static str,
        kind: ErrorKind,
        title: &'static str,
        cause: &'static str,
        fix: &'static str,
    ) -> Self {
        Self { id, kind, title, cause, fix }
    }

    /// Returns the identifier, such as `RC0302`.
    pub fn id(&self) -> &'static str {
        self.id
    }

    /// Returns the kind of all failures with this code.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Returns the failure in a few words, without a full stop.
    pub fn title(&self) -> &'static str {
        self.title
    }

    /// Returns the cause in one or several sentences.
    pub fn cause(&self) -> &'static str {
        self.cause
    }

    /// Returns the fix in one or several sentences.
    pub fn fix(&self) -> &'static str {
        self.fix
    }
}

/// Two codes are equal if their identifiers are.
impl PartialEq for Code {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Code {}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id)
    }
}

/// Declares codes as statics, and a list of them in the order of their declaration.
///
/// ```
/// regcred_core::codes! {
///     /// The codes of this crate.
///     pub CODES;
///     REVOKED = "ACME0001", Denied, "The robot account is revoked",
///         cause "An administrator of the registry revoked the robot account.",
///         fix "Create a robot account, and set its name as `account` of the provider.";
/// }
///
/// assert_eq!(CODES, [&REVOKED]);
/// ```
#[macro_export]
macro_rules! codes {
    (
        $(#[$doc:meta])* $visibility:vis $all:ident;
        $($name:ident = $id:literal, $kind:ident, $title:literal, cause $cause:literal, fix $fix:literal;)+
    ) => {
        $(
            #[doc = concat!("`", $id, "`: ", $title, ".")]
            $visibility static $name: $crate::Code =
                $crate::Code::new($id, $crate::ErrorKind::$kind, $title, $cause, $fix);
        )+
        $(#[$doc])*
        $visibility static $all: &[&$crate::Code] = &[$(&$name),+];
    };
}
