//! A record of requests, for tests that count them.

/// One request that reached the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete` or `deletecollection`. For other HTTP methods it
    /// is `head`, `options` or `other`.
    pub verb: String,
    /// The resource, such as `secrets`. It is the path if this server has no such resource.
    pub resource: String,
    /// The namespace, as an authorizer sees it. A request about a Namespace has the name of that Namespace.
    pub namespace: Option<String>,
    /// The name. `None` for lists and for a create by POST.
    pub name: Option<String>,
    /// Whether the client asked for metadata only.
    pub metadata_only: bool,
    /// Whether the request was a server-side apply.
    pub apply: bool,
    /// The HTTP status of the response. 0 until the response is sent.
    pub status: u16,
}

/// All requests with their numbers. An answer finds its request by number, even after earlier requests were forgotten.
#[derive(Debug, Default)]
pub(super) struct Record {
    first: usize,
    requests: Vec<Request>,
}

impl Record {
    /// Records a request and returns its number.
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
        self.requests = vec![]; // frees the memory
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_answer_is_not_recorded_for_another_request() {
        let mut record = Record::default();
        let forgotten = record.begin(Request::default());
        record.clear();
        let kept = record.begin(Request::default());
        record.finish(forgotten, 500);
        record.finish(kept, 200);
        assert_eq!(record.requests().iter().map(|request| request.status).collect::<Vec<_>>(), [200]);
    }
}
