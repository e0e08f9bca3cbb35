//! The validity of a credential, and the only code that decides when to renew it.

use std::{
    collections::BTreeMap,
    num::NonZeroU64,
    time::{Duration, SystemTime},
};

use crate::{Clock, Error, ProviderName, Result, codes};

/// A function that returns the first scheduled run after a time. `None`: no run follows.
pub type Schedule = dyn Fn(SystemTime) -> Option<SystemTime> + Send + Sync;

/// The latest renewal, as a part of the life. OpenShift's own pull-secret controller renews at 60 %, the kubelet's
/// credential plug-in at 50 %. Of a twelve-hour life, more than five hours remain for repair.
const RENEW_AT: f64 = 0.55;
/// The largest jitter, as a part of the life. A renewal is earlier by the jitter, so that credentials of the same age
/// are not all renewed at once.
const JITTER: f64 = 0.05;
/// The part of the life before which a schedule never triggers a mint. `*/5 * * * *` therefore costs ten mints per
/// life.
const REST: f64 = 0.10;
/// The largest difference between the clocks of two machines. A later issue time means that a clock was set back.
const SKEW: Duration = Duration::from_mins(5);

/// The period in which a credential works. Times are in whole seconds, so a stored validity is read back unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    issued_at: SystemTime,
    expires_at: Option<SystemTime>,
    issuer: Option<Issuer>,
}

/// A digest of the account that minted a credential. Targets record it, and every reader of a target sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Issuer(NonZeroU64);

impl Issuer {
    /// Returns the digest of a name: 64-bit FNV-1a. It is the same in every process.
    pub fn of(name: &str) -> Self {
        let digest = name.bytes().fold(0xcbf2_9ce4_8422_2325, |digest: u64, byte| {
            (digest ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        Self(NonZeroU64::new(digest).unwrap_or(NonZeroU64::MIN))
    }

    /// Returns the digest as a number, which [`Issuer::from_number`] converts back.
    pub fn number(self) -> u64 {
        self.0.get()
    }

    /// Converts a number of [`Issuer::number`] back. `None`: the number is zero, which is never a digest.
    pub fn from_number(number: u64) -> Option<Self> {
        NonZeroU64::new(number).map(Self)
    }
}

/// Returns the validity that ends first, for each provider.
pub fn earliest_by_provider<'a>(
    dates: impl IntoIterator<Item = (&'a ProviderName, Validity)>,
) -> BTreeMap<ProviderName, Validity> {
    let mut earliest = BTreeMap::<ProviderName, Validity>::new();
    for (provider, validity) in dates {
        let known = earliest.entry(provider.clone()).or_insert(validity);
        if known.outlives(&validity) {
            *known = validity;
        }
    }
    earliest
}

impl Validity {
    /// Creates a validity. `expires_at: None` is a credential without an end. Returns
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if the end is not at least a second after the start.
    pub fn new(issued_at: SystemTime, expires_at: Option<SystemTime>) -> Result<Self> {
        let (issued_at, expires_at) = (whole_seconds(issued_at), expires_at.map(whole_seconds));
        if expires_at.is_some_and(|end| end <= issued_at) {
            return Err(Error::new(&codes::CREDENTIAL, "cannot use the credential")
                .with_cause("it expires before it was issued"));
        }
        Ok(Self { issued_at, expires_at, issuer: None })
    }

    /// Creates a validity that starts now and lasts for `life`.
    pub fn lasting(clock: &dyn Clock, life: Duration) -> Result<Self> {
        let now = clock.now();
        Self::new(now, Some(now + life))
    }

    /// Sets the account that minted the credential.
    #[must_use]
    pub fn with_issuer(self, issuer: Option<Issuer>) -> Self {
        Self { issuer, ..self }
    }

    /// Returns the account that minted the credential. `None`: it is not known.
    pub fn issuer(&self) -> Option<Issuer> {
        self.issuer
    }

    /// Returns the issue time.
    pub fn issued_at(&self) -> SystemTime {
        self.issued_at
    }

    /// Returns the end. `None`: the credential does not end.
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.expires_at
    }

    /// Returns whether the credential works at that time.
    pub fn is_usable(&self, at: SystemTime) -> bool {
        self.expires_at.is_none_or(|end| at < end)
    }

    /// Returns whether the credential ends later than another one.
    pub fn outlives(&self, other: &Self) -> bool {
        match (self.expires_at, other.expires_at) {
            (None, Some(_)) => true,
            (Some(ours), Some(theirs)) => ours > theirs,
            (_, None) => false,
        }
    }

    /// Returns when to renew the credential. `None`: never.
    ///
    /// That is the earlier of two times. One is at 50 to 55 % of the life, by a jitter that every process computes
    /// identically. The other is the first scheduled run after a tenth of the life. A credential without an end is
    /// renewed at the first scheduled run after its issue.
    ///
    /// A schedule adds renewals and never removes one. The result depends only on the dates, so a restart misses no
    /// run.
    pub fn renew_at(&self, schedule: &Schedule) -> Option<SystemTime> {
        let Some(end) = self.expires_at else { return schedule(self.issued_at) };
        let life = end.duration_since(self.issued_at).unwrap_or_default();
        let planned = self.issued_at + life.mul_f64(RENEW_AT - JITTER * fraction(self.issued_at));
        let scheduled = schedule(self.issued_at + life.mul_f64(REST));
        Some(scheduled.map_or(planned, |scheduled| scheduled.min(planned)))
    }

    /// Returns whether nothing is due at that time. The credential is usable, its renewal lies ahead, and it was not
    /// issued in the future.
    pub fn is_fresh(&self, at: SystemTime, schedule: &Schedule) -> bool {
        self.is_usable(at) && self.issued_at <= at + SKEW && self.renew_at(schedule).is_none_or(|due| at < due)
    }
}

fn whole_seconds(time: SystemTime) -> SystemTime {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_secs(since.as_secs())
}

/// Spreads issue times over `0..1`. It uses the finaliser of splitmix64, so neighbouring seconds get distant values.
fn fraction(issued_at: SystemTime) -> f64 {
    let mut bits = issued_at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    f64::from(u32::try_from((bits ^ (bits >> 31)) >> 32).expect("32 bits are left")) / 4_294_967_296.0
}

#[cfg(test)]
mod tests {
    use crate::ErrorKind;

    use super::*;

    const HOUR: Duration = Duration::from_hours(1);
    const NEVER: &Schedule = &|_| None;

    fn at(hours: f64) -> SystemTime {
        SystemTime::UNIX_EPOCH + HOUR.mul_f64(400_000.0 + hours)
    }

    fn twelve_hours() -> Validity {
        Validity::new(at(0.0), Some(at(12.0))).expect("it is valid")
    }

    #[test]
    fn a_credential_is_refreshed_between_50_and_55_percent_of_its_life() {
        for second in 0..1000 {
            let issued = at(0.0) + Duration::from_secs(second);
            let validity = Validity::new(issued, Some(issued + 12 * HOUR)).expect("it is valid");
            let part = validity.renew_at(NEVER).expect("it ends").duration_since(issued).expect("later").as_secs_f64();
            let part = part / (12.0 * 3600.0);
            assert!((0.5..=0.55).contains(&part), "{part}");
        }
    }

    #[test]
    fn a_schedule_adds_refreshes_but_not_in_the_first_tenth_of_the_life() {
        let every_five_minutes: &Schedule = &|after| Some(after + Duration::from_mins(5));
        assert_eq!(twelve_hours().renew_at(every_five_minutes), Some(at(1.2) + Duration::from_mins(5)));
        let tomorrow: &Schedule = &|after| Some(after + 24 * HOUR);
        assert_eq!(twelve_hours().renew_at(tomorrow), twelve_hours().renew_at(NEVER));
    }

    #[test]
    fn without_an_expiry_only_the_schedule_causes_a_refresh() {
        let endless = Validity::new(at(0.0), None).expect("it is valid");
        assert_eq!(endless.renew_at(NEVER), None);
        assert_eq!(endless.renew_at(&|after| Some(after + HOUR)), Some(at(1.0)));
        assert!(
            endless.is_fresh(at(1e5), NEVER) && endless.outlives(&twelve_hours()) && !twelve_hours().outlives(&endless)
        );
    }

    #[test]
    fn fresh_means_usable_not_due_and_not_from_the_future() {
        let validity = twelve_hours();
        assert!(validity.is_fresh(at(5.9), NEVER) && !validity.is_fresh(at(6.7), NEVER));
        assert!(validity.is_usable(at(11.9)) && !validity.is_usable(at(12.0)));
        assert!(validity.is_fresh(at(-0.08), NEVER), "the clocks of two machines differ a little");
        assert!(!validity.is_fresh(at(-0.09), NEVER), "the clock jumped back");
    }

    #[test]
    fn a_validity_keeps_whole_seconds_and_must_expire_after_it_was_issued() {
        let odd = at(0.0) + Duration::from_millis(999);
        assert_eq!(Validity::new(odd, None).expect("it is valid").issued_at(), at(0.0));
        assert_eq!(Validity::new(at(1.0), Some(at(1.0))).expect_err("no life").kind(), ErrorKind::Malformed);
    }
}
