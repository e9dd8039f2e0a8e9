//! The real server under connections that nobody serves, bodies that do not come, and a thousand wrong sign-ins.

use crate::server::Server;
use crate::support::Result;
use breakmywork_protocol::db::MIGRATOR;
use sqlx::PgPool;
use std::io::{Read, Write};
use std::time::{Duration, Instant};

/// Lets this process hold more sockets than the server may.
fn allow_sockets() -> Result {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let wanted = Rlimit {
        current: limit
            .maximum
            .map_or(Some(8192), |most| Some(most.min(8192))),
        maximum: limit.maximum,
    };
    Ok(setrlimit(Resource::Nofile, wanted)?)
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn half_open_connections_shut_nobody_out_and_end(pool: PgPool) -> Result {
    allow_sockets()?;
    let server = Server::start(&pool, 1024, &[])?;
    let mut half_open = Vec::new();
    for number in 0..1100 {
        let mut stream = server.connect()?;
        // Some say nothing, some begin and do not go on.
        if number % 2 == 0 {
            stream.write_all(b"GET / HTTP/1.1\r\nHos")?;
        }
        half_open.push(stream);
        if number % 200 == 199 {
            server.healthy()?;
        }
    }
    let asked = Instant::now();
    server.healthy()?;
    assert!(asked.elapsed() < Duration::from_secs(10));
    // The youngest are still there, and end by themselves.
    let mut youngest = half_open.pop().ok_or("none")?;
    let mut rest = Vec::new();
    let _ = youngest.read_to_end(&mut rest);
    assert!(asked.elapsed() < Duration::from_secs(30), "it was kept");
    let open = std::fs::read_dir(format!("/proc/{}/fd", server.child.id()))?.count();
    assert!(open < 200, "{open} descriptors are still open");
    Ok(())
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_idle_connection_and_a_slow_body_end_in_time(pool: PgPool) -> Result {
    let server = Server::start(&pool, 1024, &[])?;
    let started = Instant::now();
    let mut slow = server.connect()?;
    slow.write_all(
        b"POST /sign-in HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: same-origin\r\n\
          Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\nname=",
    )?;
    let mut drops = slow.try_clone()?;
    // One byte a second: each is in time, all of them are not.
    std::thread::spawn(move || {
        while drops.write_all(b"a").is_ok() {
            std::thread::sleep(Duration::from_secs(1));
        }
    });
    let mut idle = server.connect()?;
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
    let mut answer = String::new();
    idle.read_to_string(&mut answer)?;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(started.elapsed() < Duration::from_secs(30), "it was kept");

    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    // The rest of the body is on its way when the server closes, so an error may follow the answer.
    while let Ok(read @ 1..) = slow.read(&mut buffer) {
        answer.extend_from_slice(&buffer[..read]);
    }
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(
        answer.to_lowercase().contains("connection: close"),
        "{answer}"
    );
    assert!(answer.contains("did not arrive in time"), "{answer}");
    assert!(started.elapsed() < Duration::from_secs(40));
    server.healthy()
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_thousand_wrong_sign_ins_leave_no_memory_behind(pool: PgPool) -> Result {
    // Each from an address of its own, so that every one is hashed.
    let server = Server::start(&pool, 1024, &["--trusted-proxies", "1"])?;
    let wrong = |number: u32| -> Result {
        let body = format!("name=name{number}&password=a+wrong+one");
        let [high, low] = [number / 250, number % 250];
        let answer = server.ask(&format!(
            "POST /sign-in HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nSec-Fetch-Site: same-origin\r\n\
             X-Forwarded-For: 192.0.{high}.{low}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        ))?;
        assert!(answer.starts_with("HTTP/1.1 422"), "{answer}");
        Ok(())
    };
    std::thread::scope(|scope| {
        for first in 0..20 {
            let wrong = &wrong;
            scope.spawn(move || {
                for number in (first..1000).step_by(20) {
                    wrong(number).expect("is answered");
                }
            });
        }
    });
    let kilobytes = server.memory()?;
    assert!(kilobytes < 150_000, "{kilobytes} kB are kept");
    Ok(())
}
