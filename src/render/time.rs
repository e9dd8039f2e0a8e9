//! Times: absolute in UTC for machines, relative for people.

use super::number::{Real, Whole};
use chrono::{DateTime, Utc};

/// For the `datetime` attribute: RFC 3339, UTC.
pub fn machine(time: &DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// For the `title`: to the second, with the zone.
pub fn exact(time: &DateTime<Utc>) -> String {
    time.format("%-d %B %Y, %H:%M:%S UTC").to_string()
}

/// For a table: the date, and within a day the distance.
pub fn relative(time: &DateTime<Utc>) -> String {
    relative_to(time, Utc::now())
}

fn relative_to(time: &DateTime<Utc>, now: DateTime<Utc>) -> String {
    let seconds = (now - *time).num_seconds();
    match seconds {
        ..-5 => format!("in {}", duration_s(-seconds)),
        -5..10 => "just now".to_owned(),
        10..86_400 => format!("{} ago", duration_s(seconds)),
        _ => time.format("%-d %b %Y").to_string(),
    }
}

/// How long since then.
pub fn since(time: &DateTime<Utc>) -> String {
    duration_s((Utc::now() - *time).num_seconds())
}

/// How long from one to the other.
pub fn between(from: &DateTime<Utc>, to: &DateTime<Utc>) -> String {
    whole_seconds((*to - *from).num_seconds())
}

/// A measured duration. What took less than a second did not take none.
pub fn seconds(seconds: impl Real) -> String {
    whole_seconds(seconds.real() as i64)
}

fn whole_seconds(seconds: i64) -> String {
    match seconds {
        ..1 => "less than 1 s".to_owned(),
        seconds => duration_s(seconds),
    }
}

/// A duration by its two largest units.
pub fn duration_s(seconds: impl Whole) -> String {
    let seconds = seconds.whole();
    let seconds = seconds.max(0);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, 1..10) => format!("{minutes} min {} s", seconds % 60),
        (0, 0, _) => format!("{minutes} min"),
        (0, _, _) => format!("{hours} h {minutes} min"),
        (1, _, _) => format!("1 day {hours} h"),
        _ => format!("{days} days"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    #[test]
    fn distances_read_well() {
        let now = DateTime::from_timestamp(1_790_000_000, 0).expect("a time");
        let ago = |seconds| relative_to(&(now - TimeDelta::seconds(seconds)), now);
        assert_eq!(ago(3), "just now");
        assert_eq!(ago(59), "59 s ago");
        assert_eq!(ago(125), "2 min 5 s ago");
        assert_eq!(ago(7500), "2 h 5 min ago");
        assert_eq!(ago(-90), "in 1 min 30 s");
        assert_eq!(ago(200_000), "19 Sep 2026");
    }
}
