//! Slows down guessing and floods of accounts, without locking anybody out of an account of their own.

use super::device::Device;
use super::limit::{Limit, Limiter};
use crate::address::Origin;
use breakmywork_protocol::id::AccountId;
use lru::LruCache;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

/// Wrong passwords for one name from one place: long for a guesser, bearable for who mistypes.
const PLACE: Limit = Limit {
    most: 10,
    window: Duration::from_secs(5 * 60),
};

/// Wrong passwords from one address, whatever the names.
const ADDRESS: Limit = Limit {
    most: 50,
    window: Duration::from_secs(5 * 60),
};

/// Links for a new password that one address asks for, whatever the names.
const RESETS: Limit = Limit {
    most: 10,
    window: Duration::from_secs(60 * 60),
};

/// Wrong passwords for one name from all places where nobody has signed in with it before.
const NAME: Limit = Limit {
    most: 100,
    window: Duration::from_secs(60 * 60),
};

/// Wrong codes of an app for one account, by whoever knows its password: three of a million are right at a time.
const CODES: Limit = Limit {
    most: 10,
    window: Duration::from_secs(60 * 60),
};

/// Ways to a provider and back that one address may go.
const PROVIDERS: Limit = Limit {
    most: 100,
    window: Duration::from_secs(5 * 60),
};

/// Names with the addresses where they signed in, remembered at most.
const KNOWN: NonZeroUsize = NonZeroUsize::new(20_000).expect("some");

/// Counts in this process. Each count is made before a password is hashed, so that parallel guesses gain nothing.
#[derive(Debug, Clone)]
pub struct Throttle {
    places: Limiter<(String, Place)>,
    addresses: Limiter<Origin>,
    names: Limiter<String>,
    sign_ups: Option<Limiter<Origin>>,
    resets: Limiter<Origin>,
    codes: Limiter<AccountId>,
    providers: Limiter<Origin>,
    known: Arc<Mutex<LruCache<(String, Origin), ()>>>,
}

/// From where somebody tries a password. What one place spends, another does not lack: so a stranger who guesses
/// cannot lock the owner out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Place {
    Device(Device),
    Address(Origin),
    Account(AccountId),
}

/// A password that may be tried. Until it turned out to be right it counts as wrong.
#[derive(Debug)]
#[must_use = "says whether the password was right"]
pub struct Attempt<'a> {
    throttle: &'a Throttle,
    name: String,
    place: Place,
    /// Whether it counts against the name, too.
    stranger: bool,
}

/// Seconds after which to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait(pub u32);

impl Throttle {
    /// That many sign-ups from one address in an hour; 0 for any number.
    pub(crate) fn new(sign_ups: u32) -> Self {
        let limit = Limit {
            most: sign_ups,
            window: 60 * MINUTE,
        };
        Self {
            places: Limiter::new(PLACE),
            addresses: Limiter::new(ADDRESS),
            names: Limiter::new(NAME),
            sign_ups: (sign_ups > 0).then(|| Limiter::new(limit)),
            resets: Limiter::new(RESETS),
            codes: Limiter::new(CODES),
            providers: Limiter::new(PROVIDERS),
            known: Arc::new(Mutex::new(LruCache::new(KNOWN))),
        }
    }

    /// Asks whether a password may be tried for a name, on a device that signed in with it before, or from an address.
    /// Names that nobody has count alike, so the answer tells nothing.
    ///
    /// # Errors
    /// When to try again.
    pub fn sign_in(
        &self,
        name: &str,
        device: Option<Device>,
        origin: Origin,
    ) -> Result<Attempt<'_>, Wait> {
        let place = device.map_or(Place::Address(origin), Place::Device);
        let attempt = Attempt {
            throttle: self,
            name: name.to_owned(),
            place,
            stranger: device.is_none() && !self.is_known(name, origin),
        };
        self.places
            .spend(&(attempt.name.clone(), place))
            .map_err(Wait)?;
        if device.is_none()
            && let Err(seconds) = self.addresses.spend(&origin)
        {
            self.places.refund(&(attempt.name.clone(), place));
            return Err(Wait(seconds));
        }
        if attempt.stranger
            && let Err(seconds) = self.names.spend(&attempt.name)
        {
            self.places.refund(&(attempt.name.clone(), place));
            self.addresses.refund(&origin);
            return Err(Wait(seconds));
        }
        Ok(attempt)
    }

    /// Asks whether a signed-in person may try the present password of the account.
    ///
    /// # Errors
    /// When to try again.
    pub fn change(&self, account: AccountId) -> Result<Attempt<'_>, Wait> {
        let place = Place::Account(account);
        let attempt = Attempt {
            throttle: self,
            name: String::new(),
            place,
            stranger: false,
        };
        self.places
            .spend(&(String::new(), place))
            .map_err(Wait)
            .map(|()| attempt)
    }

    /// Counts a sign-up.
    ///
    /// # Errors
    /// When to try again.
    pub fn sign_up(&self, origin: Origin) -> Result<(), Wait> {
        match &self.sign_ups {
            Some(limiter) => limiter.spend(&origin).map_err(Wait),
            None => Ok(()),
        }
    }

    /// Counts a request for a link with which a new password is set.
    ///
    /// # Errors
    /// When to try again.
    pub fn reset(&self, origin: Origin) -> Result<(), Wait> {
        self.resets.spend(&origin).map_err(Wait)
    }

    /// Asks whether a code may be tried for an account. Until it turned out to be right it counts as wrong.
    ///
    /// # Errors
    /// When to try again.
    pub fn code(&self, account: AccountId) -> Result<(), Wait> {
        self.codes.spend(&account).map_err(Wait)
    }

    /// The code was right.
    pub fn right_code(&self, account: AccountId) {
        self.codes.forget(&account);
    }

    /// Counts somebody who is sent to a provider, or comes back.
    ///
    /// # Errors
    /// When to try again.
    pub fn provider(&self, origin: Origin) -> Result<(), Wait> {
        self.providers.spend(&origin).map_err(Wait)
    }

    fn is_known(&self, name: &str, origin: Origin) -> bool {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&(name.to_owned(), origin)).is_some()
    }
}

impl Attempt<'_> {
    /// The password was right: the place starts from nothing.
    pub fn right(self) {
        self.give_back();
        self.throttle
            .places
            .forget(&(self.name.clone(), self.place));
        if let Place::Address(origin) = self.place {
            let mut known = self
                .throttle
                .known
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            known.put((self.name, origin), ());
        }
    }

    /// The password was not looked at after all.
    pub fn unused(self) {
        self.throttle
            .places
            .refund(&(self.name.clone(), self.place));
        self.give_back();
    }

    fn give_back(&self) {
        if let Place::Address(origin) = self.place {
            self.throttle.addresses.refund(&origin);
        }
        if self.stranger {
            self.throttle.names.refund(&self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn origin(number: u32) -> Origin {
        Origin::of(Ipv4Addr::from_bits(number).into())
    }

    /// How many of so many guesses get through.
    fn guess(throttle: &Throttle, name: &str, from: Origin, times: usize) -> usize {
        (0..times)
            .filter(|_| throttle.sign_in(name, None, from).is_ok())
            .count()
    }

    #[test]
    fn guessing_has_to_wait_and_a_right_password_starts_anew() {
        let throttle = Throttle::new(0);
        assert_eq!(guess(&throttle, "ada", origin(1), 9), 9);
        throttle
            .sign_in("ada", None, origin(1))
            .expect("the tenth")
            .right();
        assert_eq!(guess(&throttle, "ada", origin(1), 200), 10);
        assert_eq!(guess(&throttle, "bob", origin(1), 1), 1);
    }

    #[test]
    fn one_address_cannot_go_through_the_names() {
        let throttle = Throttle::new(0);
        let tried = (0..200)
            .map(|number| guess(&throttle, &format!("name{number}"), origin(1), 1))
            .sum::<usize>();
        assert_eq!(tried, 50);
    }

    #[test]
    fn strangers_cannot_lock_the_owner_out() {
        let throttle = Throttle::new(0);
        throttle
            .sign_in("ada", None, origin(7))
            .expect("free")
            .right();
        let tried: usize = (100..150)
            .map(|number| guess(&throttle, "ada", origin(number), 20))
            .sum();
        assert_eq!(tried, 100, "all strangers together");
        assert!(throttle.sign_in("ada", None, origin(8)).is_err());
        assert!(throttle.sign_in("ada", None, origin(7)).is_ok(), "known");
        let device = Some(Device::new());
        assert!(throttle.sign_in("ada", device, origin(8)).is_ok());
        // And a stolen device is no way around the limit.
        let tried = (0..100)
            .filter(|_| throttle.sign_in("ada", device, origin(9)).is_ok())
            .count();
        assert_eq!(tried, 9);
    }

    #[test]
    fn what_was_not_hashed_does_not_count() {
        let throttle = Throttle::new(0);
        for _ in 0..100 {
            throttle
                .sign_in("ada", None, origin(1))
                .expect("free")
                .unused();
        }
    }

    #[test]
    fn present_passwords_and_sign_ups_are_counted_too() {
        let throttle = Throttle::new(3);
        let tried = (0..30).filter(|_| throttle.change(AccountId(1)).is_ok());
        assert_eq!(tried.count(), 10);
        let codes = (0..30).filter(|_| throttle.code(AccountId(1)).is_ok());
        assert_eq!(codes.count(), 10);
        assert!(throttle.code(AccountId(2)).is_ok());
        throttle.right_code(AccountId(1));
        assert!(throttle.code(AccountId(1)).is_ok());
        let signed = (0..30).filter(|_| throttle.sign_up(origin(1)).is_ok());
        assert_eq!(signed.count(), 3);
        assert!(throttle.sign_up(origin(2)).is_ok());
    }
}
