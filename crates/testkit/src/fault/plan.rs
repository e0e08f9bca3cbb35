//! The order in which faults apply.

use super::kind::Fault;

/// The permanent fault, and a temporary fault that applies before it.
#[derive(Debug, Default)]
pub(super) struct Plan {
    settled: Fault,
    first: Option<(usize, Fault)>,
}

impl Plan {
    pub(super) fn set(&mut self, fault: Fault) {
        *self = Self { settled: fault, first: None };
    }

    pub(super) fn set_for(&mut self, count: usize, fault: Fault) {
        self.first = Some((count, fault));
    }

    /// Returns the fault for a new connection, if it applies when the connection opens.
    pub(super) fn take_for_connection(&mut self) -> Option<Fault> {
        let here = matches!(self.now(), Fault::Refuse | Fault::BadHandshake | Fault::SilentHandshake);
        here.then(|| self.take())
    }

    /// Returns the fault for a request on an open connection. Handshake faults are kept for the next connection.
    pub(super) fn take_for_request(&mut self) -> Fault {
        match self.now() {
            Fault::BadHandshake | Fault::SilentHandshake => Fault::Refuse,
            _ => self.take(),
        }
    }

    fn now(&self) -> &Fault {
        match &self.first {
            Some((left, fault)) if *left > 0 => fault,
            _ => &self.settled,
        }
    }

    fn take(&mut self) -> Fault {
        let fault = self.now().clone();
        if let Some((left, _)) = &mut self.first {
            *left = left.saturating_sub(1);
        }
        fault
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temporary_fault_is_followed_by_the_permanent_one() {
        let mut plan = Plan::default();
        plan.set(Fault::Garbage);
        plan.set_for(2, Fault::Reset);
        let taken = [plan.take_for_request(), plan.take_for_request(), plan.take_for_request()];
        assert_eq!(taken, [Fault::Reset, Fault::Reset, Fault::Garbage]);
        plan.set_for(2, Fault::Reset);
        plan.set(Fault::None);
        assert_eq!(plan.take_for_request(), Fault::None);
    }

    #[test]
    fn a_handshake_fault_waits_for_a_new_connection() {
        let mut plan = Plan::default();
        plan.set_for(1, Fault::BadHandshake);
        assert_eq!(plan.take_for_request(), Fault::Refuse);
        assert_eq!(plan.take_for_connection(), Some(Fault::BadHandshake));
        assert_eq!((plan.take_for_connection(), plan.take_for_request()), (None, Fault::None));
    }
}
