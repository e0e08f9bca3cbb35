//! What was asked, for tests that count.

/// One request that reached the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// `get`, `list`, `create`, `update`, `patch` or `delete`; `watch` and `deletecollection`, which are refused; or
    /// `head`, `options`, `other` for the rest of HTTP.
    pub verb: String,
    /// `secrets` and its like, or the path where it is no resource of this server.
    pub resource: String,
    /// As an authoriser sees it: for one of the `namespaces` its own name.
    pub namespace: Option<String>,
    /// Nothing for lists, and for creation by POST.
    pub name: Option<String>,
    /// Whether only the metadata was asked for.
    pub metadata_only: bool,
    /// Whether it was a server-side apply.
    pub apply: bool,
    /// The HTTP status that was answered, or 0 while nothing is.
    pub status: u16,
}

/// All requests, numbered, so that an answer finds its request even when the rest is forgotten.
#[derive(Debug, Default)]
pub(super) struct Record {
    first: usize,
    requests: Vec<Request>,
}

impl Record {
    /// Writes a request down and gives its number.
    pub(super) fn begin(&mut self, request: Request) -> usize {
        self.requests.push(request);
        self.first + self.requests.len() - 1
    }

    pub(super) fn finish(&mut self, number: usize, status: u16) {
        if let Some(request) = number.checked_sub(self.first).and_then(|at| self.requests.get_mut(at)) {
            request.status = status;
        }
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.requests.clone()
    }

    pub(super) fn clear(&mut self) {
        self.first += self.requests.len();
        self.requests = vec![]; // their memory goes too
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_answer_does_not_land_on_another_request() {
        let mut record = Record::default();
        let forgotten = record.begin(Request::default());
        record.clear();
        let kept = record.begin(Request::default());
        record.finish(forgotten, 500);
        record.finish(kept, 200);
        assert_eq!(record.requests().iter().map(|request| request.status).collect::<Vec<_>>(), [200]);
    }
}
