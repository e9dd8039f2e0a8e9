//! Where a request comes from, as far as limits are concerned.

use crate::state::AppState;
use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{Extensions, HeaderMap, request::Parts},
};
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Who shares a limit: an IPv4 address, or the /64 network of an IPv6 address, of which one customer has all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Origin(IpAddr);

impl Origin {
    /// The origin that an address belongs to.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(address.into()),
            IpAddr::V6(address) => {
                const HOST: u128 = u64::MAX as u128;
                Self(Ipv6Addr::from_bits(address.to_bits() & !HOST).into())
            }
        }
    }

    /// Where whoever sent this comes from.
    pub fn of_sender(extensions: &Extensions, headers: &HeaderMap, trusted_proxies: usize) -> Self {
        let peer = extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map(|ConnectInfo(address)| address.ip());
        Self::of_request(peer, headers, trusted_proxies)
    }

    /// The network that it lies in, wide enough to be no address: /24 of IPv4, /48 of IPv6. None where it is not known.
    pub fn range(self) -> Option<String> {
        match self.0 {
            address if address.is_unspecified() => None,
            IpAddr::V4(address) => {
                let [a, b, c, _] = address.octets();
                Some(format!("{a}.{b}.{c}.0/24"))
            }
            IpAddr::V6(address) => {
                let network = Ipv6Addr::from_bits(address.to_bits() >> 80 << 80);
                Some(format!("{network}/48"))
            }
        }
    }

    /// The client of a request that reached us through that many proxies of our own.
    ///
    /// Each proxy appends the address it was asked from to `X-Forwarded-For`, so only that many entries from the right
    /// were written by somebody we trust; what stands left of them is the client's own invention.
    fn of_request(peer: Option<IpAddr>, headers: &HeaderMap, trusted_proxies: usize) -> Self {
        let peer = peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let Some(place) = trusted_proxies.checked_sub(1) else {
            return Self::of(peer);
        };
        let entries: Vec<&str> = headers
            .get_all("x-forwarded-for")
            .into_iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .collect();
        let named = entries
            .into_iter()
            .rev()
            .nth(place)
            .and_then(|entry| parse(entry.trim()));
        Self::of(named.unwrap_or(peer))
    }
}

/// An address as proxies write it: bare, in brackets, with or without a port.
fn parse(entry: &str) -> Option<IpAddr> {
    let bare = entry.trim_start_matches('[').trim_end_matches(']');
    bare.parse()
        .or_else(|_| entry.parse::<SocketAddr>().map(|address| address.ip()))
        .ok()
}

impl FromRequestParts<AppState> for Origin {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        Ok(Self::of_sender(
            &parts.extensions,
            &parts.headers,
            state.settings.trusted_proxies,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(peer: &str, forwarded: &[&str], trusted: usize) -> Origin {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().expect("a header"));
        }
        Origin::of_request(Some(peer.parse().expect("an address")), &headers, trusted)
    }

    fn of(address: &str) -> Origin {
        Origin::of(address.parse().expect("an address"))
    }

    #[test]
    fn without_a_proxy_the_header_means_nothing() {
        assert_eq!(origin("192.0.2.1", &["198.51.100.7"], 0), of("192.0.2.1"));
    }

    #[test]
    fn as_many_entries_from_the_right_count_as_there_are_proxies() {
        let spoofed = ["1.1.1.1, 2.2.2.2", "198.51.100.7"];
        assert_eq!(origin("10.0.0.1", &spoofed, 1), of("198.51.100.7"));
        assert_eq!(origin("10.0.0.1", &spoofed, 2), of("2.2.2.2"));
        // Fewer entries than proxies: somebody came in past them.
        assert_eq!(origin("10.0.0.1", &[], 1), of("10.0.0.1"));
        assert_eq!(origin("10.0.0.1", &["1.1.1.1"], 2), of("10.0.0.1"));
        assert_eq!(origin("10.0.0.1", &["nonsense"], 1), of("10.0.0.1"));
        assert_eq!(origin("10.0.0.1", &["1.1.1.1:4711"], 1), of("1.1.1.1"));
        assert_eq!(
            origin("10.0.0.1", &["[2001:db8::1]:80"], 1),
            of("2001:db8::")
        );
    }

    #[test]
    fn a_range_is_no_address() {
        assert_eq!(of("192.0.2.77").range().as_deref(), Some("192.0.2.0/24"));
        let range = of("2001:db8:1:2::9").range();
        assert_eq!(range.as_deref(), Some("2001:db8:1::/48"));
        assert_eq!(of("0.0.0.0").range(), None);
    }

    #[test]
    fn a_network_of_ipv6_is_one_origin() {
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }
}
