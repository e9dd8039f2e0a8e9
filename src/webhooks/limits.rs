//! How much may be sent to one host, all accounts and webhooks together: the board is nobody's flood.

use crate::address::Origin;
use crate::auth::limit::{Limit, Limiter};
use std::net::IpAddr;
use std::time::Duration;

/// Requests within an hour to one host, and to one address whatever names it has.
pub const AN_HOUR: u32 = 120;

/// Counts of this process; cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Limits {
    hosts: Limiter<String>,
    addresses: Limiter<Origin>,
}

impl Default for Limits {
    fn default() -> Self {
        let limit = Limit {
            most: AN_HOUR,
            window: Duration::from_secs(3600),
        };
        Self {
            hosts: Limiter::new(limit),
            addresses: Limiter::new(limit),
        }
    }
}

impl Limits {
    /// Counts a request to a host, or says in how many seconds one may be sent.
    pub(super) fn host(&self, host: &str) -> Result<(), u32> {
        self.hosts.spend(&host.to_owned())
    }

    /// Counts a request to an address, or says in how many seconds one may be sent.
    pub(super) fn address(&self, address: IpAddr) -> Result<(), u32> {
        self.addresses.spend(&Origin::of(address))
    }
}
