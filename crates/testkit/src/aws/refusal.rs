//! Errors of AWS, and the protocols that carry them.

/// An error of AWS.
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

/// The two protocols that are spoken, each with its own form for errors.
#[derive(Clone, Copy)]
pub(super) enum Protocol {
    Json,
    Query,
}

impl Protocol {
    /// Returns the service that speaks this protocol.
    pub(super) fn service(self) -> &'static str {
        match self {
            Self::Json => "ecr",
            Self::Query => "sts",
        }
    }
}
