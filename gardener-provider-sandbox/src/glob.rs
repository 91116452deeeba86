//! Patterns with `*` and `?`, as fault rules and EC2 filters use them.

/// True if all of `text` matches `pattern`: `*` is any run of characters, `?` any one, `\` takes the next literally.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                retry = Some((p + 1, t));
                p += 1;
                continue;
            }
            Some('?') => {
                (p, t) = (p + 1, t + 1);
                continue;
            }
            Some('\\') if pattern.get(p + 1) == Some(&text[t]) => {
                (p, t) = (p + 2, t + 1);
                continue;
            }
            Some(c) if *c == text[t] && *c != '\\' => {
                (p, t) = (p + 1, t + 1);
                continue;
            }
            _ => {}
        }
        let Some((after_star, from)) = retry else { return false };
        retry = Some((after_star, from + 1));
        (p, t) = (after_star, from + 1);
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn wildcards_and_escapes() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("Describe*", "DescribeVpcs", true),
            ("*Vpc*", "CreateVpcEndpoint", true),
            ("m5.?arge", "m5.large", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b", "a-b-c", false),
            ("", "x", false),
            (r"a\*b", "a*b", true),
            (r"a\*b", "axb", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} on {text}");
        }
    }
}
