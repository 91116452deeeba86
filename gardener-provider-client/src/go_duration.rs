//! Durations as Gardener's manifests spell them: Go's form, such as `24h`, `1h30m` or `1.5s`.
//!
//! Source: <https://pkg.go.dev/time#ParseDuration>

use std::time::Duration;

use gardener_provider_core::{Error, Result};

const UNITS: &[(&str, u128)] = &[
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Reads a duration; `field` is named in the error.
///
/// # Errors
/// `InvalidArgument` if it is not a duration, is negative or is longer than 500 years.
pub fn parse(field: &str, text: &str) -> Result<Duration> {
    let bad = |problem: &str| Error::invalid(field, format!("{text:?} {problem}; write it like \"24h\""));
    if text.starts_with('-') {
        return Err(bad("is negative"));
    }
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest.is_empty() {
        return Err(bad("is not a duration"));
    }
    let mut nanos = 0_u128;
    while !rest.is_empty() {
        let (number, tail) = rest.split_at(end_of(rest, |c| c.is_ascii_digit() || c == '.'));
        let (unit, tail) = tail.split_at(end_of(tail, |c| !c.is_ascii_digit() && c != '.'));
        let unit = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(|| bad("is not a duration"))?;
        let part = scale(number, unit.1).ok_or_else(|| bad("is not a duration"))?;
        nanos = nanos.checked_add(part).ok_or_else(|| bad("is too long"))?;
        rest = tail;
    }
    let seconds = u64::try_from(nanos / 1_000_000_000).ok().filter(|s| *s <= 500 * 366 * 86_400);
    let seconds = seconds.ok_or_else(|| bad("is too long"))?;
    let fraction = u32::try_from(nanos % 1_000_000_000).unwrap_or_default();
    Ok(Duration::new(seconds, fraction))
}

fn end_of(text: &str, inside: impl Fn(char) -> bool) -> usize {
    text.find(|c| !inside(c)).unwrap_or(text.len())
}

/// `number` units of so many nanoseconds each; what is below a nanosecond is cut off.
fn scale(number: &str, unit: u128) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let plain = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !plain(whole) || !plain(fraction) {
        return None;
    }
    let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let digits = &fraction[..fraction.len().min(18)];
    let part: u128 = if digits.is_empty() { 0 } else { digits.parse().ok()? };
    let part = part.checked_mul(unit)? / 10_u128.pow(u32::try_from(digits.len()).ok()?);
    whole.checked_mul(unit)?.checked_add(part)
}

/// Writes a duration in whole hours, minutes and seconds, as Go does: `24h0m0s`.
pub fn format(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    let fraction = format!("{:09}", duration.subsec_nanos());
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    let seconds = format!("{}{point}{fraction}s", seconds % 60);
    match (hours, minutes) {
        (0, 0) => seconds,
        (0, _) => format!("{minutes}m{seconds}"),
        _ => format!("{hours}h{minutes}m{seconds}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_go_reads() {
        for (text, millis) in [
            ("24h", 86_400_000),
            ("24h0m0s", 86_400_000),
            ("1h30m", 5_400_000),
            ("1.5h", 5_400_000),
            (".5s", 500),
            ("1.s", 1000),
            ("+2m", 120_000),
            ("250ms", 250),
            ("3000us", 3),
            ("3000µs", 3),
            ("0", 0),
        ] {
            assert_eq!(parse("f", text).unwrap(), Duration::from_millis(millis), "{text}");
        }
    }

    #[test]
    fn refuses_the_rest_and_names_the_field() {
        for text in
            ["", "24", "h", "-1h", "1d", "1h 2m", ".h", "1.2.3h", "99999999999999999999h", "é", "1h+2m"]
        {
            let error = parse("immutability.retentionPeriod", text).unwrap_err().to_string();
            assert!(error.starts_with("immutability.retentionPeriod: "), "{error}");
        }
    }

    #[test]
    fn writes_what_go_writes() {
        for (millis, text) in
            [(86_400_000, "24h0m0s"), (90_000, "1m30s"), (1_500, "1.5s"), (0, "0s"), (3_600_000, "1h0m0s")]
        {
            let duration = Duration::from_millis(millis);
            assert_eq!(format(duration), text);
            assert_eq!(parse("f", text).unwrap(), duration);
        }
    }
}
