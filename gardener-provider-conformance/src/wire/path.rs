//! Paths against templates with names in braces: `/subscriptions/{subscriptionId}/resourceGroups/{name}`.

use percent_encoding::percent_decode_str;

/// A path that fits a template.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fit<'t> {
    /// How many segments of the template are words: the more, the better a template that fits is meant.
    pub(super) words: usize,
    /// What stands for the names.
    pub(super) values: Vec<(&'t str, String)>,
}

/// How templates are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    /// Words are the same in capitals.
    pub(super) ignore_case: bool,
    /// A template may begin with one of these names, which then takes several segments.
    pub(super) prefixes: &'static [&'static str],
}

/// Fits the path into the template.
pub(super) fn fit<'t>(style: Style, template: &'t str, path: &str) -> Option<Fit<'t>> {
    let wanted: Vec<_> = template.trim_matches('/').split('/').collect();
    let mut given: Vec<String> = path.trim_matches('/').split('/').map(str::to_owned).collect();
    if name_of(wanted[0]).is_some_and(|(name, _)| style.prefixes.contains(&name)) {
        let several = (given.len() + 1).checked_sub(wanted.len())?;
        if several > 1 {
            let joined = given.drain(..several).collect::<Vec<_>>().join("/");
            given.insert(0, joined);
        }
    }
    if wanted.len() != given.len() {
        return None;
    }
    let mut fit = Fit { words: 0, values: Vec::new() };
    for (template, segment) in wanted.into_iter().zip(&given) {
        match name_of(template) {
            Some((name, ending)) => {
                let value = segment.strip_suffix(ending).filter(|value| !value.is_empty())?;
                fit.words += usize::from(!ending.is_empty());
                fit.values.push((name, percent_decode_str(value).decode_utf8_lossy().into_owned()));
            }
            None if template == segment => fit.words += 1,
            None if style.ignore_case && template.eq_ignore_ascii_case(segment) => fit.words += 1,
            None => return None,
        }
    }
    Some(fit)
}

/// The name in braces, and what follows it: `{name}:verb`.
fn name_of(segment: &str) -> Option<(&str, &str)> {
    let (name, ending) = segment.strip_prefix('{')?.split_once('}')?;
    Some((name.trim_start_matches('+'), ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRICT: Style = Style { ignore_case: false, prefixes: &[] };
    const LOOSE: Style = Style { ignore_case: true, prefixes: &["scope"] };

    fn values(style: Style, template: &str, path: &str) -> Option<String> {
        let pairs = fit(style, template, path)?.values.into_iter();
        Some(pairs.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(";"))
    }

    #[test]
    fn names_take_one_segment() {
        let expected = Some("zone=z;instance=a b/c".to_owned());
        assert_eq!(
            values(STRICT, "zones/{zone}/instances/{instance}", "/zones/z/instances/a%20b%2Fc"),
            expected
        );
        for path in
            ["/zones/z/instances", "/zones/z/instances/a/b", "/Zones/z/instances/a", "/zones//instances/a"]
        {
            assert_eq!(values(STRICT, "zones/{zone}/instances/{instance}", path), None, "{path}");
        }
        assert_eq!(fit(STRICT, "a/{b}/c", "/a/x/c").map(|fit| fit.words), Some(2));
    }

    #[test]
    fn a_verb_may_follow_a_name() {
        assert_eq!(values(STRICT, "v1/{+name}:sign", "/v1/x:sign"), Some("name=x".to_owned()));
        assert_eq!(values(STRICT, "v1/{+name}:sign", "/v1/x:verify"), None);
    }

    #[test]
    fn case_and_scopes_are_a_matter_of_style() {
        assert_eq!(values(LOOSE, "/resourcegroups/{g}", "/resourceGroups/G"), Some("g=G".to_owned()));
        let tags = "/{scope}/providers/Microsoft.Resources/tags/default";
        let path = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Resources/tags/default";
        assert_eq!(values(LOOSE, tags, path), Some("scope=subscriptions/s/resourceGroups/g".to_owned()));
        assert_eq!(values(LOOSE, tags, "/providers/Microsoft.Resources/tags/default"), None);
    }
}
