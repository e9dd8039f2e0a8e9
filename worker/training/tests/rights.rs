//! What a trainer gives up, tried from within: a process of its own for each test, as rights do not come back.

use breakmywork_training::rights;
use std::io;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Command;

/// Addresses of services of this machine, one over the network and one that is a file.
const SERVICES: [&str; 2] = ["RIGHTS_TCP", "RIGHTS_UNIX"];

/// Runs the ignored test of that name in a process of its own, beside services that would answer it.
fn within(test: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let tcp = TcpListener::bind("127.0.0.1:0").expect("listens");
    let path = folder.path().join("socket");
    let _unix = UnixListener::bind(&path).expect("listens");
    let output = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env(
            SERVICES[0],
            tcp.local_addr().expect("an address").to_string(),
        )
        .env(SERVICES[1], &path)
        .output()
        .expect("runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn tcp() -> io::Result<TcpStream> {
    TcpStream::connect(std::env::var(SERVICES[0]).expect("started by a test"))
}

fn unix() -> io::Result<UnixStream> {
    UnixStream::connect(std::env::var(SERVICES[1]).expect("started by a test"))
}

fn refused<T>(what: &str, outcome: io::Result<T>) {
    let error = outcome
        .err()
        .unwrap_or_else(|| panic!("{what} was let through"));
    assert_eq!(
        error.kind(),
        io::ErrorKind::PermissionDenied,
        "{what}: {error}"
    );
}

#[test]
fn on_a_processor_a_trainer_reaches_nobody_and_starts_nothing() {
    within("inside_on_a_processor");
}

#[test]
#[ignore = "the test above runs it"]
fn inside_on_a_processor() {
    // Before: all of it is there to be had.
    tcp().expect("connects");
    unix().expect("connects");
    rights::give_up(false);
    refused("a connection", tcp());
    refused("a datagram", UdpSocket::bind("127.0.0.1:0"));
    refused("a service of this machine", unix());
    refused("a program", Command::new("true").status());
    let threads = std::thread::spawn(|| 1).join();
    assert_eq!(threads.expect("a thread"), 1, "threads are left");
    assert!(
        UnixStream::pair().is_ok(),
        "so is what its own threads tell each other by"
    );
    let limits = std::fs::read_to_string("/proc/self/limits").expect("Linux");
    assert!(
        limits.contains("Max core file size        1                    1 "),
        "{limits}"
    );
}

#[test]
fn on_a_card_a_trainer_reaches_no_network() {
    within("inside_on_a_card");
}

#[test]
#[ignore = "the test above runs it"]
fn inside_on_a_card() {
    rights::give_up(true);
    refused("a connection", tcp());
    refused("a datagram", UdpSocket::bind("[::1]:0"));
    unix().expect("the driver's services are reached");
    assert!(
        Command::new("true").status().is_ok(),
        "and its helpers start"
    );
}
