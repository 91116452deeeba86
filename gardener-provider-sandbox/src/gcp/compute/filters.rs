//! Filters of lists: the newer syntax of <https://google.aip.dev/160> and the older one with regular expressions.
//!
//! <https://cloud.google.com/compute/docs/reference/rest/v1/instances/list#query-parameters>

use regex::{Regex, RegexBuilder};
use serde_json::Value;

use crate::{gcp::error::GcpError, glob};

/// A filter that was read.
#[derive(Debug)]
pub(super) enum Filter {
    All(Vec<Filter>),
    Any(Vec<Filter>),
    Not(Box<Filter>),
    Field(Vec<String>, Test),
}

#[derive(Debug)]
pub(super) enum Test {
    Equal(String),
    Unequal(String),
    Has(String),
    Less(String),
    LessOrEqual(String),
    Greater(String),
    GreaterOrEqual(String),
    Matches(Regex),
    MatchesNot(Regex),
}

/// Longer texts, such as user data, match no pattern: the work would grow with the product of the two.
const MATCHED: usize = 4096;
/// Deeper parentheses are refused.
const DEPTH: usize = 32;
/// Longer filters are refused.
const LENGTH: usize = 16 * 1024;

impl Filter {
    pub(super) fn parse(text: &str) -> Result<Self, GcpError> {
        let bad = || GcpError::invalid("filter", text, "Invalid list filter expression.");
        if text.len() > LENGTH {
            return Err(bad());
        }
        let mut reader = Reader { rest: text, old: false, new: false };
        let filter = reader.sequence(0).ok_or_else(bad)?;
        reader.skip_space();
        if reader.rest.is_empty() && !(reader.old && reader.new) { Ok(filter) } else { Err(bad()) }
    }

    pub(super) fn matches(&self, item: &Value) -> bool {
        match self {
            Self::All(all) => all.iter().all(|filter| filter.matches(item)),
            Self::Any(any) => any.iter().any(|filter| filter.matches(item)),
            Self::Not(filter) => !filter.matches(item),
            Self::Field(path, test) => test.holds(item, path),
        }
    }
}

impl Test {
    fn holds(&self, item: &Value, path: &[String]) -> bool {
        let mut found = Vec::new();
        collect(item, path, &mut found);
        let texts = || found.iter().copied().filter_map(plain);
        match self {
            Self::Equal(wanted) => texts().any(|text| equal(wanted, &text)),
            Self::Unequal(wanted) => !texts().any(|text| equal(wanted, &text)),
            Self::Matches(pattern) => texts().any(|text| fits(pattern, &text)),
            Self::MatchesNot(pattern) => !texts().any(|text| fits(pattern, &text)),
            Self::Has(wanted) if wanted == "*" => found.iter().any(|value| !value.is_null()),
            Self::Has(wanted) => found.iter().any(|value| has(value, wanted)),
            Self::Less(than) => texts().any(|text| order(&text, than).is_lt()),
            Self::LessOrEqual(than) => texts().any(|text| order(&text, than).is_le()),
            Self::Greater(than) => texts().any(|text| order(&text, than).is_gt()),
            Self::GreaterOrEqual(than) => texts().any(|text| order(&text, than).is_ge()),
        }
    }
}

/// The values at `path`; lists on the way stand for their members.
fn collect<'a>(value: &'a Value, path: &[String], found: &mut Vec<&'a Value>) {
    match (value, path.split_first()) {
        (Value::Array(list), _) => list.iter().for_each(|value| collect(value, path, found)),
        (value, None) => found.push(value),
        (Value::Object(object), Some((name, rest))) => {
            if let Some(value) = object.get(name) {
                collect(value, rest, found);
            }
        }
        _ => {}
    }
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    }
}

/// `*` stands for any text, as everywhere in the newer syntax.
fn equal(wanted: &str, text: &str) -> bool {
    if wanted.contains('*') {
        if text.len() > MATCHED {
            return false;
        }
        let pattern = wanted.replace('\\', "\\\\").replace('?', "\\?");
        return glob::matches(&pattern, text);
    }
    wanted == text
}

fn fits(pattern: &Regex, text: &str) -> bool {
    text.len() <= MATCHED && pattern.is_match(text)
}

fn has(value: &Value, wanted: &str) -> bool {
    match value {
        Value::Object(object) => object.contains_key(wanted),
        value => plain(value).is_some_and(|text| text.contains(wanted) || equal(wanted, &text)),
    }
}

fn order(text: &str, than: &str) -> std::cmp::Ordering {
    match (text.parse::<f64>(), than.parse::<f64>()) {
        (Ok(a), Ok(b)) => a.total_cmp(&b),
        _ => text.cmp(than),
    }
}

/// Reads from left to right; every method returns `None` where the text is no filter.
struct Reader<'a> {
    rest: &'a str,
    /// Whether comparisons of the older and of the newer syntax were seen.
    old: bool,
    new: bool,
}

impl Reader<'_> {
    /// Factors one after the other, with or without `AND`: all must hold.
    fn sequence(&mut self, depth: usize) -> Option<Filter> {
        let mut all = vec![self.factor(depth)?];
        loop {
            self.skip_space();
            if self.rest.is_empty() || self.rest.starts_with(')') {
                return Some(if all.len() == 1 { all.remove(0) } else { Filter::All(all) });
            }
            self.word("AND");
            all.push(self.factor(depth)?);
        }
    }

    /// Terms with `OR` between them, which binds more tightly than `AND`.
    fn factor(&mut self, depth: usize) -> Option<Filter> {
        let mut any = vec![self.term(depth)?];
        while self.word("OR") || self.sign("|") {
            any.push(self.term(depth)?);
        }
        Some(if any.len() == 1 { any.remove(0) } else { Filter::Any(any) })
    }

    fn term(&mut self, depth: usize) -> Option<Filter> {
        if depth > DEPTH {
            return None;
        }
        if self.word("NOT") || self.sign("-") {
            return Some(Filter::Not(Box::new(self.term(depth + 1)?)));
        }
        if self.sign("(") {
            let inner = self.sequence(depth + 1)?;
            return self.sign(")").then_some(inner);
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Option<Filter> {
        let path = self.path()?;
        let test = match self.operator()? {
            "eq" => Test::Matches(pattern(&self.value(true)?)?),
            "ne" => Test::MatchesNot(pattern(&self.value(true)?)?),
            "=" => Test::Equal(self.value(false)?),
            "!=" => Test::Unequal(self.value(false)?),
            "<=" => Test::LessOrEqual(self.value(false)?),
            ">=" => Test::GreaterOrEqual(self.value(false)?),
            "<" => Test::Less(self.value(false)?),
            ">" => Test::Greater(self.value(false)?),
            _ => Test::Has(self.value(false)?),
        };
        let old = matches!(test, Test::Matches(_) | Test::MatchesNot(_));
        self.old |= old;
        self.new |= !old;
        Some(Filter::Field(path, test))
    }

    /// `a.b."c.d"`.
    fn path(&mut self) -> Option<Vec<String>> {
        self.skip_space();
        let mut path = Vec::new();
        loop {
            if self.rest.starts_with('"') {
                path.push(self.quoted('"')?);
            } else {
                let inner = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '/');
                let end = self.rest.find(|c| !inner(c)).unwrap_or(self.rest.len());
                let (name, rest) = self.rest.split_at(end);
                if name.is_empty() {
                    return None;
                }
                path.push(name.to_owned());
                self.rest = rest;
            }
            match self.rest.strip_prefix('.') {
                Some(rest) if path.len() < DEPTH => self.rest = rest,
                Some(_) => return None,
                None => return Some(path),
            }
        }
    }

    fn operator(&mut self) -> Option<&'static str> {
        self.skip_space();
        let signs = ["!=", "<=", ">=", "=", "<", ">", ":"];
        if let Some(found) = signs.into_iter().find(|sign| self.rest.starts_with(sign)) {
            self.rest = &self.rest[found.len()..];
            return Some(found);
        }
        ["eq", "ne"].into_iter().find(|word| self.word(word))
    }

    /// A quoted text, or one up to the next space or closing parenthesis. A bare regular expression may have pairs of
    /// parentheses of its own.
    fn value(&mut self, regular: bool) -> Option<String> {
        self.skip_space();
        if let Some(quote) = self.rest.chars().next().filter(|c| matches!(c, '"' | '\'')) {
            return self.quoted(quote);
        }
        let mut depth = 0_usize;
        let end = self.rest.find(|c: char| match c {
            '(' if regular => {
                depth += 1;
                false
            }
            ')' if depth > 0 => {
                depth -= 1;
                false
            }
            '(' | ')' => true,
            c => c.is_whitespace(),
        });
        let (value, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        (!value.is_empty()).then(|| value.to_owned())
    }

    /// A backslash takes the quotation mark or another backslash literally; elsewhere it belongs to the text.
    fn quoted(&mut self, quote: char) -> Option<String> {
        let mut text = String::new();
        let mut chars = self.rest.char_indices().skip(1).peekable();
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' if chars.peek().is_some_and(|(_, next)| *next == quote || *next == '\\') => {
                    text.extend(chars.next().map(|(_, next)| next));
                }
                c if c == quote => {
                    self.rest = &self.rest[at + c.len_utf8()..];
                    return Some(text);
                }
                c => text.push(c),
            }
        }
        None
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn sign(&mut self, sign: &str) -> bool {
        self.skip_space();
        let found = self.rest.strip_prefix(sign);
        self.rest = found.unwrap_or(self.rest);
        found.is_some()
    }

    /// A word of its own.
    fn word(&mut self, word: &str) -> bool {
        self.skip_space();
        let ends = |rest: &&str| {
            rest.chars().next().is_none_or(|c| c.is_whitespace() || matches!(c, '(' | '"' | '\''))
        };
        let found = self.rest.strip_prefix(word).filter(ends);
        self.rest = found.unwrap_or(self.rest);
        found.is_some()
    }
}

/// A regular expression that must match all of the text.
fn pattern(text: &str) -> Option<Regex> {
    RegexBuilder::new(&format!("^(?:{text})$")).dot_matches_new_line(true).size_limit(1 << 20).build().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn matches(filter: &str) -> bool {
        let item = json!({
            "name": "node-1",
            "status": "RUNNING",
            "sizeGb": "20",
            "canIpForward": true,
            "labels": { "role": "node", "a.b": "x" },
            "tags": { "items": ["shoot--a--b", "node"] },
            "networkInterfaces": [{ "network": "https://x/networks/n" }],
        });
        Filter::parse(filter).unwrap_or_else(|error| panic!("{filter}: {error:?}")).matches(&item)
    }

    #[test]
    fn the_newer_syntax() {
        for (filter, expected) in [
            ("name = node-1", true),
            ("name=\"node-1\"", true),
            ("name != node-1", false),
            ("name = node-*", true),
            ("name:ode", true),
            ("labels.role = node", true),
            ("labels.role:*", true),
            ("labels.other:*", false),
            ("labels.\"a.b\" = x", true),
            ("labels:role", true),
            ("labels.other != x", true),
            ("canIpForward = true", true),
            ("sizeGb > 9", true),
            ("sizeGb <= 9", false),
            ("tags.items = node", true),
            ("tags.items:shoot--a--b", true),
            ("networkInterfaces.network = \"https://x/networks/n\"", true),
            ("(status = RUNNING) (name = other)", false),
            ("status = RUNNING AND name = node-1", true),
            ("(name = other) OR (name = node-1) AND (status = STOPPED)", false),
            ("(name = node-1) OR (name = other) AND (status = RUNNING)", true),
            ("NOT name = other", true),
            ("-name = node-1", false),
        ] {
            assert_eq!(matches(filter), expected, "{filter}");
        }
    }

    #[test]
    fn the_older_syntax() {
        for (filter, expected) in [
            ("name eq node-.*", true),
            ("name eq node", false),
            ("name ne .*-1", false),
            ("name eq '(node-1|x)'", true),
            ("name eq (node-1|x)", true),
            ("(name eq \"node-1\") (status eq RUNNING)", true),
            ("(name eq a) | (name eq node-1)", true),
        ] {
            assert_eq!(matches(filter), expected, "{filter}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        let deep = "(".repeat(100_000) + "name = a";
        let nots = "NOT ".repeat(3000) + "name = a";
        for filter in [
            "",
            "name",
            "name =",
            "= a",
            "(name = a",
            "name = a)",
            "name ~ a",
            "name eq (",
            "name eq [",
            "name eq a{1000}{1000}{1000}",
            "(name eq a) (name = a)",
            "name = \"a",
            "a..b = c",
            &deep,
            &nots,
        ] {
            let error = Filter::parse(filter).unwrap_err();
            assert_eq!((error.status, &*error.reason), (400, "invalid"), "{filter:.40}");
            assert!(error.message.len() < 1000);
        }
    }
}
