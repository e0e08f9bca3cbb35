//! AWS errors, and the protocols that carry them.

/// An AWS error.
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: String,
    pub(super) message: String,
    pub(super) retry_after: Option<u64>,
}

impl Refusal {
    pub(super) fn bad(code: &str, message: &str) -> Self {
        Self { status: 400, code: code.to_owned(), message: message.to_owned(), retry_after: None }
    }
}

/// The services, each with its own protocol and error format. ECR and ECR Public share theirs.
#[derive(Clone, Copy)]
pub(super) enum Protocol {
    Json,
    PublicJson,
    Query,
}

impl Protocol {
    /// Returns the service that uses this protocol.
    pub(super) fn service(self) -> &'static str {
        match self {
            Self::Json => "ecr",
            Self::PublicJson => "ecr-public",
            Self::Query => "sts",
        }
    }
}
