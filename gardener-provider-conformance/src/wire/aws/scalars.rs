//! Values without parts: does the text fit the type?

use base64::Engine as _;

use super::{
    Problem,
    shapes::{Kind, Reference, Shape},
};

/// How timestamps are written where the description does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Times {
    Iso,
    Http,
    Unix,
}

/// Checks the text of a value.
pub(super) fn check(
    shape: &Shape,
    reference: &Reference,
    times: Times,
    path: &str,
    text: &str,
) -> Vec<Problem> {
    let wrong = |what: &str| vec![Problem::new(path, format!("{text:?} is not {what}"))];
    match shape.kind {
        Kind::String | Kind::Character => string(shape, path, text),
        Kind::Integer => match text.parse::<i32>() {
            Ok(number) => range(shape, path, f64::from(number)),
            Err(_) => wrong("an integer of 32 bits"),
        },
        Kind::Long => match text.parse::<i64>() {
            #[allow(clippy::cast_precision_loss, reason = "limits of this size do not occur")]
            Ok(number) => range(shape, path, number as f64),
            Err(_) => wrong("an integer of 64 bits"),
        },
        Kind::Float | Kind::Double => match text.parse::<f64>() {
            Ok(number) => range(shape, path, number),
            Err(_) => wrong("a number"),
        },
        Kind::Boolean => match text {
            "true" | "false" => Vec::new(),
            _ => wrong("true or false"),
        },
        Kind::Timestamp => {
            if is_time(text, format(shape, reference, times)) {
                Vec::new()
            } else {
                wrong("a timestamp of the form that the API uses here")
            }
        }
        Kind::Blob => match base64::engine::general_purpose::STANDARD.decode(text) {
            Ok(_) => Vec::new(),
            Err(_) => wrong("base64"),
        },
        Kind::Structure | Kind::List | Kind::Map => {
            vec![Problem::new(path, format!("has the text {text:?} where it should have parts"))]
        }
    }
}

fn string(shape: &Shape, path: &str, text: &str) -> Vec<Problem> {
    if !shape.values.is_empty() && !shape.values.iter().any(|value| value == text) {
        let known = shape.values.iter().take(12).cloned().collect::<Vec<_>>().join(", ");
        return vec![Problem::new(path, format!("{text:?} is none of the values {known}"))];
    }
    let length = text.chars().count();
    let (shortest, longest) = (shape.min.unwrap_or(0.0), shape.max.unwrap_or(f64::INFINITY));
    #[allow(clippy::cast_precision_loss, reason = "texts of this length do not occur")]
    let length_fits = (shortest..=longest).contains(&(length as f64));
    if length_fits {
        return Vec::new();
    }
    vec![Problem::new(path, format!("has {length} characters, not {shortest} to {longest}"))]
}

fn range(shape: &Shape, path: &str, number: f64) -> Vec<Problem> {
    let (least, most) = (shape.min.unwrap_or(f64::NEG_INFINITY), shape.max.unwrap_or(f64::INFINITY));
    if (least..=most).contains(&number) {
        return Vec::new();
    }
    vec![Problem::new(path, format!("{number} is not between {least} and {most}"))]
}

fn format(shape: &Shape, reference: &Reference, times: Times) -> Times {
    let named = reference.timestamp_format.as_deref().or(shape.timestamp_format.as_deref());
    match named {
        Some("iso8601") => Times::Iso,
        Some("rfc822") => Times::Http,
        Some("unixTimestamp") => Times::Unix,
        _ => times,
    }
}

/// `2026-11-22T08:00:00Z`, with or without a fraction; `Sun, 22 Nov 2026 08:00:00 GMT`; seconds.
fn is_time(text: &str, format: Times) -> bool {
    let fits = |pattern: &str, text: &str| {
        text.len() == pattern.len()
            && text.bytes().zip(pattern.bytes()).all(|(byte, wanted)| match wanted {
                b'0' => byte.is_ascii_digit(),
                b'a' => byte.is_ascii_alphabetic(),
                _ => byte == wanted,
            })
    };
    match format {
        Times::Iso => {
            let Some(text) = text.strip_suffix('Z') else { return false };
            let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
            let digits = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
            digits && fits("0000-00-00T00:00:00", seconds)
        }
        Times::Http => fits("aaa, 00 aaa 0000 00:00:00 GMT", text),
        Times::Unix => text.parse::<f64>().is_ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_forms_of_time() {
        for text in ["2026-11-22T08:00:00Z", "2026-11-22T08:00:00.000Z"] {
            assert!(is_time(text, Times::Iso), "{text}");
        }
        for text in ["2026-11-22", "2026-11-22T08:00:00", "2026-11-22T08:00:00.Z", "1795334400"] {
            assert!(!is_time(text, Times::Iso), "{text}");
        }
        assert!(is_time("Sun, 22 Nov 2026 08:00:00 GMT", Times::Http));
        assert!(!is_time("2026-11-22T08:00:00Z", Times::Http));
        assert!(is_time("1795334400.5", Times::Unix) && !is_time("soon", Times::Unix));
    }
}
