//! How many requests to REST an account, or an address without a token, may send in a minute.

pub use super::limit::Left;

use super::limit::{Limit, Limiter};
use crate::address::Origin;
use breakmywork_protocol::id::AccountId;
use std::time::Duration;

/// Over which requests are counted.
pub const WINDOW: Duration = Duration::from_secs(60);

/// Whose requests are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Asker {
    /// All tokens of an account.
    Account(AccountId),
    /// Whoever sends no token that is good.
    Address(Origin),
}

/// Counts requests; cheap to clone.
#[derive(Debug, Clone)]
pub struct Rates {
    counted: Option<Limiter<Asker>>,
    most: u32,
}

impl Rates {
    /// That many requests in a minute; 0 for any number.
    pub fn new(most: u32) -> Self {
        let limit = Limit {
            most,
            window: WINDOW,
        };
        Self {
            counted: (most > 0).then(|| Limiter::new(limit)),
            most,
        }
    }

    /// Requests in a minute; none if any number is taken.
    pub fn most(&self) -> Option<u32> {
        self.counted.as_ref().map(|_| self.most)
    }

    /// Counts one more and says how many are left, none where they are not counted.
    ///
    /// # Errors
    /// The seconds after which to try again, where none was left.
    pub fn spend(&self, asker: Asker) -> Result<Option<Left>, u32> {
        let counted = self.counted.as_ref();
        counted.map(|counted| counted.count(&asker)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_account_and_each_address_has_its_own_minute() {
        let rates = Rates::new(3);
        let ada = Asker::Account(AccountId(1));
        let left: Vec<_> = (0..4)
            .map(|_| rates.spend(ada).map(|left| left.map(|left| left.remaining)))
            .collect();
        assert_eq!(left[..3], [Ok(Some(2)), Ok(Some(1)), Ok(Some(0))]);
        assert!(matches!(left[3], Err(1..=61)), "{left:?}");
        let here = Asker::Address(Origin::of([127, 0, 0, 1].into()));
        assert!(rates.spend(here).is_ok() && rates.spend(Asker::Account(AccountId(2))).is_ok());
        let any = Rates::new(0);
        assert!((0..10_000).all(|_| any.spend(ada).is_ok()) && any.most().is_none());
    }
}
