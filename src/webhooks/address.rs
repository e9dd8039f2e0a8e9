//! Which addresses webhooks may have, as written and as resolved.

use crate::config::Webhooks;
use axum::http::Uri;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Longest address, as the table's constraint has it.
pub const LONGEST: usize = 500;
/// Names of this machine, of its network, or of nothing.
const OWN_NAMES: [&str; 10] = [
    "localhost",
    "localdomain",
    "local",
    "internal",
    "intranet",
    "lan",
    "home.arpa",
    "onion",
    "invalid",
    "test",
];

/// An address that may be sent to, as far as one sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Whole.
    pub url: String,
    /// Its host in small letters, without brackets.
    pub host: String,
}

/// Reads an address, and says what is wrong with it. It is read by what asks there later, so both see the same host.
///
/// # Errors
/// A sentence for whoever typed it.
pub fn checked(text: &str, allowed: Webhooks) -> Result<Target, String> {
    let text = text.trim();
    let any = allowed == Webhooks::Any;
    if text.is_empty() {
        return Err("Give the address to send to: https://example.org/board.".to_owned());
    }
    if text.len() > LONGEST {
        return Err(format!("The address has more than {LONGEST} characters."));
    }
    if !text.chars().all(|char| char.is_ascii_graphic()) || text.contains(['\\', '"', '<', '>']) {
        return Err("The address must be in plain letters, without spaces: other ones are written as %20, and names as xn--….".to_owned());
    }
    let wrong = || "This is no address. It must look like https://example.org/board.".to_owned();
    let uri: Uri = text.parse().map_err(|_| wrong())?;
    match uri.scheme_str() {
        Some("https") => {}
        Some("http") if any => {}
        Some("http") => {
            return Err(
                "The address must begin with https://: this board sends nothing in the clear."
                    .to_owned(),
            );
        }
        _ => return Err("The address must begin with https://.".to_owned()),
    }
    if text.contains('#') {
        return Err("What follows # is not sent. Leave it out.".to_owned());
    }
    let (authority, written) = match (uri.authority(), uri.host()) {
        (Some(authority), Some(host)) if !host.is_empty() => (authority.as_str(), host),
        _ => return Err(wrong()),
    };
    if authority.contains('@') {
        return Err("An address with a name or a password in it is not taken. Signatures show who sends; or put a secret into the path.".to_owned());
    }
    let port = match authority.strip_prefix(written) {
        Some("") => None,
        Some(port) => Some(
            port.strip_prefix(':')
                .and_then(|port| port.parse::<u16>().ok())
                .filter(|port| *port > 0)
                .ok_or("The port must be a number from 1 to 65535.")?,
        ),
        None => return Err(wrong()),
    };
    if !any && port.is_some_and(|port| port != 443 && port < 1024) {
        return Err("The port must be 443, or 1024 or more.".to_owned());
    }
    let host = host(written, any)?;
    Ok(Target {
        url: uri.to_string(),
        host,
    })
}

/// Reads a host: a name, or an address that is public.
fn host(written: &str, any: bool) -> Result<String, String> {
    let small = written.to_ascii_lowercase();
    let number: Option<IpAddr> = match small.strip_prefix('[') {
        Some(rest) => {
            let inner: Ipv6Addr = rest
                .strip_suffix(']')
                .and_then(|inner| inner.parse().ok())
                .ok_or("What stands in the brackets is no IPv6 address.")?;
            Some(inner.into())
        }
        None => small.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
    };
    if let Some(number) = number {
        return match any || is_public(number) {
            true => Ok(number.to_string()),
            false => Err(NOT_PUBLIC.to_owned()),
        };
    }
    let name = small.strip_suffix('.').unwrap_or(&small);
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    if name.len() > 253 || !name.split('.').all(label) {
        return Err("The host of the address is no name, such as example.org.".to_owned());
    }
    // Systems take 127.1, 2130706433 and 0x7f000001 for numbers, too.
    let last = name.rsplit('.').next().unwrap_or_default();
    if last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x") {
        return Err("An IPv4 address is written as four decimal numbers.".to_owned());
    }
    let is_own = |own: &&str| name == *own || name.ends_with(&format!(".{own}"));
    if !any && (!name.contains('.') || OWN_NAMES.iter().any(is_own)) {
        return Err(NOT_PUBLIC.to_owned());
    }
    Ok(name.to_owned())
}

const NOT_PUBLIC: &str =
    "This is no public address. This board sends to addresses of the public internet alone.";

/// Whether an address is one that anybody reaches, and of no network of the server's own: by the registries of IANA for
/// special purposes, and without addresses that lead elsewhere by way of a translation.
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, d] = address.octets();
    let special = match (a, b, c) {
        // This network, private, shared by providers, this machine, this link.
        (0 | 10 | 127, _, _) | (192, 168, _) | (169, 254, _) => true,
        (100, 64..=127, _) | (172, 16..=31, _) => true,
        // Protocols, documentation, relays of 6to4, benchmarks.
        (192, 0, 0 | 2) | (198, 51, 100) | (203, 0, 113) | (192, 88, 99) => true,
        (198, 18 | 19, _) => true,
        // Groups, the future, everybody.
        (224.., _, _) => true,
        // What Azure answers to machines of its own.
        (168, 63, 129) => d == 16,
        _ => false,
    };
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    // All global unicast addresses begin so; what maps, translates (64:ff9b::), is private or a group does not.
    let [a, b, ..] = address.segments();
    let global = a & 0xe000 == 0x2000;
    // Protocols with Teredo, documentation twice, and 6to4, which has an IPv4 address in it.
    let special =
        (a == 0x2001 && (b < 0x200 || b == 0xdb8)) || a == 0x2002 || (a == 0x3fff && b < 0x1000);
    global && !special
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public(text: &str) -> Result<Target, String> {
        checked(text, Webhooks::Public)
    }

    #[test]
    fn a_public_address_is_taken_as_it_is() {
        for (good, host) in [
            ("https://example.org", "example.org"),
            (
                " https://Hooks.Example.org:8443/a?b=c ",
                "hooks.example.org",
            ),
            ("https://example.org./x", "example.org"),
            ("https://xn--bcher-kva.example/", "xn--bcher-kva.example"),
            ("https://93.184.216.34/x", "93.184.216.34"),
            ("https://[2606:2800:220:1::1]/x", "2606:2800:220:1::1"),
            ("HTTPS://example.org:443/", "example.org"),
        ] {
            assert_eq!(public(good).expect(good).host, host);
        }
    }

    #[test]
    fn no_form_of_a_private_address_is_taken() {
        for bad in [
            "",
            "example.org",
            "ftp://example.org",
            "http://example.org/",
            "https://",
            "https:///path",
            "https://user:secret@example.org/",
            "https://example.org@127.0.0.1/",
            "https://example.org\\@127.0.0.1/",
            "https://example.org#@127.0.0.1/",
            "https://example.org:80/",
            "https://example.org:22/",
            "https://example.org:0/",
            "https://example.org:99999/",
            "https://example.org:/",
            "https://exa mple.org/",
            "https://exämple.org/",
            "https://example.org/\r\nHost: x",
            "https://localhost/",
            "https://LOCALHOST./",
            "https://a.localhost/",
            "https://db.internal/",
            "https://printer.local/",
            "https://router.home.arpa/",
            "https://intranet/",
            "https://127.0.0.1/",
            "https://127.1/",
            "https://2130706433/",
            "https://017700000001/",
            "https://0177.0.0.1/",
            "https://0x7f.0.0.1/",
            "https://0x7f000001/",
            "https://127.0.0.0x1/",
            "https://%31%32%37.0.0.1/",
            "https://10.0.0.1/",
            "https://172.31.255.255/",
            "https://192.168.1.1/",
            "https://169.254.169.254/latest/meta-data/",
            "https://100.100.100.200/",
            "https://0.0.0.0/",
            "https://255.255.255.255/",
            "https://[::1]/",
            "https://[::]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::ffff:7f00:1]/",
            "https://[::127.0.0.1]/",
            "https://[64:ff9b::7f00:1]/",
            "https://[2002:7f00:1::]/",
            "https://[fe80::1%25eth0]/",
            "https://[fe80::1]/",
            "https://[fd00:ec2::254]/",
            "https://[::1/",
        ] {
            assert!(public(bad).is_err(), "{bad}");
        }
        let long = format!("https://example.org/{}", "a".repeat(LONGEST));
        assert!(public(&long).is_err());
        let long = format!("https://{}.org/", "a".repeat(64));
        assert!(public(&long).is_err());
    }

    #[test]
    fn a_network_of_ones_own_has_any_address_and_no_odd_one() {
        for good in [
            "http://127.0.0.1:9/",
            "http://localhost",
            "https://[::1]:81/",
        ] {
            assert!(checked(good, Webhooks::Any).is_ok(), "{good}");
        }
        for bad in ["http://2130706433/", "http://a@b/", "file:///etc/passwd"] {
            assert!(checked(bad, Webhooks::Any).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_public_is_what_the_registries_say() {
        for address in [
            "1.1.1.1",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.20.0.1",
            "223.255.255.255",
            "2001:200::1",
            "2606:4700::1111",
            "2a00::1",
            "::ffff:1.1.1.1",
        ] {
            assert!(is_public(address.parse().expect(address)), "{address}");
        }
        for address in [
            "0.1.2.3",
            "10.255.255.255",
            "100.64.0.1",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.255.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "::10.0.0.1",
            "64:ff9b::a00:1",
            "64:ff9b:1::a00:1",
            "100::1",
            "2001::1",
            "2001:0:4136:e378:8000:63bf:3fff:fdd2",
            "2001:2::1",
            "2001:10::1",
            "2001:db8::1",
            "2002:a00:1::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(address.parse().expect(address)), "{address}");
        }
    }
}
