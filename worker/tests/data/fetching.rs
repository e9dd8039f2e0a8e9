//! Downloads from a real server on this machine, well and badly behaved.

use crate::support::*;
use breakmywork_training::data::known::{Download, Known, Packing};
use breakmywork_training::data::{Content, Error, Input, Request, Splits, fetch, import};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};

fn fetchable(bytes: &[u8], packing: Packing) -> Known {
    let download = Download {
        url: "http://127.0.0.1:1/nobody-listens-here",
        sha256: sha256(bytes).leak(),
        bytes: bytes.len() as u64,
        packing,
    };
    known("sample", Some(download), None)
}

/// How a server answers.
#[derive(Clone, Copy)]
enum Manner {
    /// As asked for.
    Ranges,
    /// Always the whole file.
    Whole,
    /// As asked for, but it hangs up after that many bytes.
    Cut(usize),
    /// With that status.
    Status(&'static str),
}

/// Answers one request in each manner, then stops; gives its address and the Range of each request.
fn serve(file: &[u8], manners: &[Manner]) -> (String, Receiver<Option<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("listens");
    let url = format!("http://{}/file", listener.local_addr().expect("an address"));
    let (file, manners) = (file.to_vec(), manners.to_vec());
    let (heard, ranges) = channel();
    std::thread::spawn(move || {
        for manner in manners {
            let (stream, _) = listener.accept().expect("accepts");
            let range = read_range(&stream);
            heard.send(range.clone()).expect("the test listens");
            answer(stream, &file, manner, range.as_deref());
        }
    });
    (url, ranges)
}

fn read_range(stream: &TcpStream) -> Option<String> {
    let lines = BufReader::new(stream).lines();
    let head: Vec<String> = lines
        .map(|line| line.expect("reads").to_lowercase())
        .take_while(|line| !line.is_empty())
        .collect();
    head.iter()
        .find_map(|line| Some(line.strip_prefix("range: ")?.to_owned()))
}

fn answer(mut stream: TcpStream, file: &[u8], manner: Manner, range: Option<&str>) {
    let start = range.and_then(|range| {
        range
            .strip_prefix("bytes=")?
            .strip_suffix('-')?
            .parse()
            .ok()
    });
    let (status, start) = match (manner, start) {
        (Manner::Status(status), _) => (status, file.len()),
        (Manner::Ranges | Manner::Cut(_), Some(start)) => ("206 Partial Content", start),
        _ => ("200 OK", 0_usize),
    };
    let body = &file[start.min(file.len())..];
    let mut head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n",
        body.len()
    );
    if status.starts_with("206") {
        head += &format!(
            "Content-Range: bytes {start}-{}/{}\r\n",
            file.len() - 1,
            file.len()
        );
    }
    let sent = if let Manner::Cut(bytes) = manner {
        &body[..bytes]
    } else {
        body
    };
    stream
        .write_all(format!("{head}\r\n").as_bytes())
        .expect("sends");
    stream.write_all(sent).expect("sends");
}

fn get(place: &Place, known: &Known, url: &str) -> Result<(), Error> {
    fetch(&place.store(), known, Some(url), &mut |_| {}).map(|imported| assert!(imported.fresh))
}

fn partial(place: &Place) -> PathBuf {
    place.data().join(".downloads/sample.partial")
}

/// Imported, and nothing else left.
fn assert_fetched(place: &Place, url: &str) {
    assert_eq!(place.manifest("sample").source, [url]);
    assert!(place.store().load(&reference("sample")).is_ok());
    assert_eq!(place.left(), [place.data().join("sample")]);
}

#[test]
fn a_download_that_ends_early_goes_on_from_there() {
    let (place, file) = (Place::new(), lines());
    let known = fetchable(file.as_bytes(), Packing::Plain);
    let (url, ranges) = serve(
        file.as_bytes(),
        &[Manner::Cut(1000), Manner::Cut(300), Manner::Ranges],
    );
    for bytes in [1000, 1300] {
        let error = get(&place, &known, &url).expect_err("ends early");
        assert!(error.may_pass());
        let said = error.to_string();
        assert!(
            said.contains(&format!("{bytes} of {} bytes came", file.len())),
            "{said}"
        );
        assert!(
            said.contains("run this again to go on from there"),
            "{said}"
        );
        assert_eq!(fs::metadata(partial(&place)).expect("is here").len(), bytes);
        assert!(place.store().list().expect("lists").is_empty());
    }
    get(&place, &known, &url).expect("fetches the rest");
    let asked: Vec<_> = ranges.iter().collect();
    assert_eq!(
        asked,
        [
            None,
            Some("bytes=1000-".to_owned()),
            Some("bytes=1300-".to_owned())
        ]
    );
    assert_fetched(&place, &url);
    // Here already: no server is asked.
    let again = fetch(&place.store(), &known, None, &mut |_| {}).expect("is here");
    assert!(!again.fresh);
}

#[test]
fn a_server_that_ignores_or_refuses_ranges_is_asked_for_everything() {
    let file = lines();
    let known = fetchable(file.as_bytes(), Packing::Plain);
    for manners in [
        &[Manner::Whole][..],
        &[Manner::Status("416 Range Not Satisfiable"), Manner::Ranges],
    ] {
        let place = Place::new();
        // Also wrong: what is here must not be kept.
        place.file("data/.downloads/sample.partial", "x".repeat(500));
        let (url, ranges) = serve(file.as_bytes(), manners);
        get(&place, &known, &url).expect("fetches");
        assert_eq!(ranges.iter().next(), Some(Some("bytes=500-".to_owned())));
        assert_fetched(&place, &url);
    }
}

#[test]
fn wrong_bytes_are_deleted_and_other_answers_named() {
    let (place, file) = (Place::new(), lines());
    let known = fetchable(file.as_bytes(), Packing::Plain);
    let wrong = file.replace("line 50", "LINE 50");
    let (url, _ranges) = serve(wrong.as_bytes(), &[Manner::Ranges]);
    let said = get(&place, &known, &url)
        .expect_err("is another file")
        .to_string();
    let expected = format!(
        "the download has SHA-256 {}, expected {}",
        sha256(wrong.as_bytes()),
        sha256(file.as_bytes())
    );
    assert!(said.contains(&expected), "{said}");
    assert!(!partial(&place).exists());

    place.file("data/.downloads/sample.partial", &file[..700]);
    let (url, _ranges) = serve(&file.as_bytes()[1..], &[Manner::Ranges]);
    let said = get(&place, &known, &url)
        .expect_err("is shorter")
        .to_string();
    assert!(
        said.contains(&format!(
            "offers a file of {} bytes, expected {}",
            file.len() - 1,
            file.len()
        )),
        "{said}"
    );
    let (url, _ranges) = serve(
        b"",
        &[Manner::Status("404 Not Found"), Manner::Status("503 Busy")],
    );
    let gone = get(&place, &known, &url).expect_err("is not there");
    assert!(
        gone.to_string().contains("answers 404 instead of the file"),
        "{gone}"
    );
    assert!(!gone.may_pass());
    assert!(get(&place, &known, &url).expect_err("is busy").may_pass());
    let error = fetch(&place.store(), &known, None, &mut |_| {}).expect_err("nobody listens");
    assert!(
        error
            .to_string()
            .contains("127.0.0.1:1/nobody-listens-here cannot be reached"),
        "{error}"
    );
    // None of these took away what had come.
    assert_eq!(
        fs::read(partial(&place)).expect("is here"),
        &file.as_bytes()[..700]
    );
    assert!(place.store().list().expect("lists").is_empty());
}

#[test]
fn an_archive_is_unpacked_from_the_net_or_from_a_file() {
    let names = Splits {
        train: "d/train.tokens",
        valid: "d/valid.tokens",
        test: "d/test.tokens",
    };
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (split, name) in names.each() {
        let options = zip::write::SimpleFileOptions::default();
        archive.start_file(*name, options).expect("begins a file");
        writeln!(archive, " the {split} text ").expect("writes");
    }
    let bytes = archive.finish().expect("finishes").into_inner();
    let known = fetchable(&bytes, Packing::Zip(names));
    let (net, disk) = (Place::new(), Place::new());
    let (url, _ranges) = serve(&bytes, &[Manner::Ranges]);
    get(&net, &known, &url).expect("fetches");
    assert_fetched(&net, &url);
    let request = |path: &Path| Request {
        reference: reference("sample"),
        kind: None,
        input: Input::File(path.to_owned()),
    };
    import(
        &disk.store(),
        &request(&disk.file("a.zip", &bytes)),
        Some(&known),
    )
    .expect("imports");
    assert_eq!(net.content("sample"), disk.content("sample"));
    assert_eq!(
        net.manifest("sample").sha256,
        disk.manifest("sample").sha256
    );
    let Content::Text(text) = net.content("sample") else {
        panic!("text");
    };
    assert_eq!(text.valid, " the valid text \n");
}
