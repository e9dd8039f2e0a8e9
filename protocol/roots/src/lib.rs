//! Whose certificates are trusted when web or worker call another program over TLS: those of the authorities that Mozilla
//! trusts, or those in a file, for boards, providers and receivers with an authority of their own.

use std::path::Path;
use std::sync::OnceLock;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

/// Name of the file's variable in the environment, which OpenSSL, curl and Python read, too.
pub const VARIABLE: &str = "SSL_CERT_FILE";

static GIVEN: OnceLock<Vec<Certificate<'static>>> = OnceLock::new();

/// From here on, the certificates in that file (PEM) are trusted and no others. To be said once, before anybody is called.
///
/// # Errors
/// If it cannot be read, has no certificate, or another one was named before.
pub fn trust(path: &Path) -> Result<(), String> {
    let certificates = read(path).map_err(|why| {
        format!(
            "{}: {why}; --ca-file ({VARIABLE}) names a file of certificates in PEM",
            path.display()
        )
    })?;
    let set = GIVEN.set(certificates);
    set.map_err(|_| "certificates were named before".to_owned())
}

fn read(path: &Path) -> Result<Vec<Certificate<'static>>, String> {
    let pem = std::fs::read(path).map_err(|error| error.to_string())?;
    let mut certificates = Vec::new();
    for item in parse_pem(&pem) {
        // A key beside it is nobody's to trust.
        if let PemItem::Certificate(certificate) = item.map_err(|error| error.to_string())? {
            certificates.push(certificate);
        }
    }
    match certificates.is_empty() {
        true => Err("there is no certificate in it".to_owned()),
        false => Ok(certificates),
    }
}

/// What was named; empty where Mozilla's are trusted.
pub fn given() -> &'static [Certificate<'static>] {
    GIVEN.get().map_or(&[], Vec::as_slice)
}

/// What a client trusts.
pub fn tls() -> TlsConfig {
    let roots = match given() {
        [] => RootCerts::WebPki,
        given => RootCerts::new_with_certs(given),
    };
    TlsConfig::builder().root_certs(roots).build()
}

/// What went wrong, and what to do where the other side's certificate is not trusted.
pub fn explained(error: &ureq::Error) -> String {
    let said = error.to_string();
    match said.contains("UnknownIssuer") {
        true => format!(
            "{said}: its certificate is of no authority that is trusted here; --ca-file ({VARIABLE}) names one of your own"
        ),
        false => said,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_certificate_is_refused_with_the_reason() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ca.pem");
        let refused = |path: &Path| trust(path).expect_err("refused");
        assert!(refused(&path).contains("No such file"));
        for text in [
            "",
            "no PEM at all",
            "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n",
        ] {
            std::fs::write(&path, text).expect("writes");
            let said = refused(&path);
            assert!(said.contains("no certificate in it"), "{text}: {said}");
            assert!(said.contains("--ca-file"), "{said}");
        }
        std::fs::write(&path, "-----BEGIN CERTIFICATE-----\n???\n").expect("writes");
        refused(&path);
        assert!(given().is_empty(), "nothing was taken");
    }
}
