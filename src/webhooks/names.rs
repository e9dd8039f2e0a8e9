//! Where a name leads, and that it leads to no network of the server's own. What is connected to is what was looked at here:
//! a name that leads elsewhere a moment later changes nothing.

use super::address::is_public;
use super::limits::Limits;
use crate::config::Webhooks;
use axum::http::Uri;
use std::fmt::Debug;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, mpsc};
use std::time::Duration;
use ureq::Error;
use ureq::config::Config;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// Looks names up.
pub trait Names: Debug + Send + Sync + 'static {
    /// The addresses of a host.
    ///
    /// # Errors
    /// If there is none, or nobody knows.
    fn addresses(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>>;
}

/// Asks the system, as every other program does.
#[derive(Debug, Clone, Copy)]
pub struct System;

impl Names for System {
    fn addresses(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok((host, port).to_socket_addrs()?.collect())
    }
}

/// Why nothing is sent to where a name leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    /// Where to is not said: it is the business of the server's network.
    #[error("the host of the address leads to an address that is not public")]
    NotPublic,
    /// As much was sent there as may be within an hour.
    #[error("enough was sent to that address within an hour")]
    Busy(u32),
}

/// Resolves for requests of webhooks.
#[derive(Debug)]
pub(super) struct Guarded {
    pub(super) names: Arc<dyn Names>,
    pub(super) allowed: Webhooks,
    pub(super) limits: Limits,
}

/// How many addresses of a name are tried.
const TRIED: usize = 4;

impl Guarded {
    /// The addresses that may be connected to.
    fn resolved(&self, host: &str, port: u16, within: Duration) -> Result<Vec<SocketAddr>, Error> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let mut found = match bare.parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, port)],
            Err(_) => self.look_up(bare, port, within)?,
        };
        if found.is_empty() {
            return Err(Error::HostNotFound);
        }
        // One private address among others is enough: who mixes them wants to get in.
        let public = found.iter().all(|address| is_public(address.ip()));
        if !public && self.allowed != Webhooks::Any {
            return Err(Error::Other(Box::new(Refusal::NotPublic)));
        }
        found.truncate(TRIED);
        for address in &found {
            let counted = self.limits.address(address.ip());
            counted.map_err(|wait| Error::Other(Box::new(Refusal::Busy(wait))))?;
        }
        Ok(found)
    }

    /// The system cannot be stopped while it looks a name up, so a thread waits for it that may be left behind.
    fn look_up(&self, host: &str, port: u16, within: Duration) -> Result<Vec<SocketAddr>, Error> {
        let (names, host) = (Arc::clone(&self.names), host.to_owned());
        let (tell, told) = mpsc::sync_channel(1);
        std::thread::Builder::new()
            .name("webhook-name".to_owned())
            .spawn(move || tell.send(names.addresses(&host, port)))?;
        match told.recv_timeout(within) {
            Ok(found) => found.map_err(|_| Error::HostNotFound),
            Err(_) => Err(Error::Timeout(ureq::Timeout::Resolve)),
        }
    }
}

impl Resolver for Guarded {
    fn resolve(
        &self,
        uri: &Uri,
        _: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let host = uri.host().ok_or(Error::HostNotFound)?;
        let usual = if uri.scheme_str() == Some("http") {
            80
        } else {
            443
        };
        let port = uri.port_u16().unwrap_or(usual);
        let mut all = self.empty();
        for address in self.resolved(host, port, *timeout.after)? {
            all.push(address);
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    /// Leads a name to one list of addresses after the other, and then to the last one.
    #[derive(Debug)]
    struct Turning(Vec<Vec<&'static str>>, AtomicUsize);

    impl Names for Turning {
        fn addresses(&self, _: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
            let turn = self.1.fetch_add(1, Relaxed).min(self.0.len() - 1);
            let parse = |text: &&str| SocketAddr::new(text.parse().expect("an address"), port);
            Ok(self.0[turn].iter().map(parse).collect())
        }
    }

    fn guarded(answers: Vec<Vec<&'static str>>, allowed: Webhooks) -> (Guarded, Arc<Turning>) {
        let names = Arc::new(Turning(answers, AtomicUsize::new(0)));
        let guarded = Guarded {
            names: names.clone(),
            allowed,
            limits: Limits::default(),
        };
        (guarded, names)
    }

    fn asked(guarded: &Guarded, host: &str) -> Result<Vec<String>, String> {
        let found = guarded.resolved(host, 443, Duration::from_secs(5));
        let found = found.map_err(|error| error.to_string())?;
        Ok(found
            .iter()
            .map(|address| address.ip().to_string())
            .collect())
    }

    #[test]
    fn a_name_that_leads_into_a_private_network_leads_nowhere() {
        for private in [
            vec!["127.0.0.1"],
            vec!["10.1.2.3"],
            vec!["169.254.169.254"],
            vec!["::1"],
            vec!["::ffff:127.0.0.1"],
            vec!["64:ff9b::7f00:1"],
            vec!["2002:a00:1::"],
            vec!["fd00::1"],
            vec!["93.184.216.34", "127.0.0.1"],
            vec!["2606:4700::1111", "fe80::1"],
        ] {
            let (guarded, _) = guarded(vec![private.clone()], Webhooks::Public);
            let told = asked(&guarded, "hooks.example.org").expect_err("refused");
            assert!(told.contains("not public"), "{private:?}: {told}");
            assert!(!told.contains(private[0]), "nobody learns where: {told}");
        }
        // Numbers are looked at without a resolver, in whatever form they came so far.
        let (guarded, names) = guarded(vec![vec!["93.184.216.34"]], Webhooks::Public);
        for number in ["127.0.0.1", "[::1]", "[::ffff:7f00:1]", "169.254.169.254"] {
            assert!(asked(&guarded, number).is_err(), "{number}");
        }
        assert_eq!(names.1.load(Relaxed), 0);
    }

    #[test]
    fn what_was_looked_at_is_what_is_connected_to() {
        let answers = vec![vec!["93.184.216.34"], vec!["127.0.0.1"]];
        let (first, names) = guarded(answers.clone(), Webhooks::Public);
        let found = asked(&first, "turning.example.org").expect("public");
        assert_eq!(found, ["93.184.216.34"]);
        assert_eq!(names.1.load(Relaxed), 1, "asked once");
        assert!(asked(&first, "turning.example.org").is_err());
        let (any, _) = guarded(answers[1..].to_vec(), Webhooks::Any);
        assert_eq!(
            asked(&any, "own.example.org").expect("allowed"),
            ["127.0.0.1"]
        );
    }

    #[test]
    fn one_address_under_many_names_gets_no_more_than_one_name() {
        let (guarded, _) = guarded(vec![vec!["93.184.216.34"]], Webhooks::Public);
        let asked: Vec<_> = (0..1_000)
            .map(|number| asked(&guarded, &format!("n{number}.example.org")))
            .collect();
        let sent = asked.iter().filter(|answer| answer.is_ok()).count();
        assert_eq!(sent, super::super::limits::AN_HOUR as usize);
    }

    /// A name whose servers do not answer.
    #[derive(Debug)]
    struct Silent;

    impl Names for Silent {
        fn addresses(&self, _: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
            std::thread::sleep(Duration::from_secs(2));
            Ok(Vec::new())
        }
    }

    #[test]
    fn a_name_is_not_waited_for_longer_than_there_is_time() {
        let guarded = Guarded {
            names: Arc::new(Silent),
            allowed: Webhooks::Public,
            limits: Limits::default(),
        };
        let begun = std::time::Instant::now();
        let told = guarded.resolved("slow.example.org", 443, Duration::from_millis(50));
        assert!(matches!(told, Err(Error::Timeout(_))), "{told:?}");
        assert!(begun.elapsed() < Duration::from_secs(1));
    }
}
