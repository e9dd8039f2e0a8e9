//! Specifications, as TOML and as JSON: none stops what reads it, and what is read reads the same in each of its forms.
#![no_main]

use bench_hostile::{Sent, judge};
use breakmywork_protocol::spec::Format;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for format in [Format::Toml, Format::Json] {
        judge(&Sent {
            text: text.to_owned(),
            format,
        });
    }
});
