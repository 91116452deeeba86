//! Writing XML replies.

use std::fmt::{Display, Write};

/// The content of a reply under construction.
#[derive(Debug, Default)]
pub(crate) struct Xml {
    out: String,
}

impl Xml {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// `<name>value</name>`, escaped.
    pub(crate) fn text(&mut self, name: &str, value: impl Display) -> &mut Self {
        let _ = write!(self.out, "<{name}>");
        let _ = write!(Escaping(&mut self.out), "{value}");
        let _ = write!(self.out, "</{name}>");
        self
    }

    /// As [`Xml::text`], or nothing.
    pub(crate) fn opt(&mut self, name: &str, value: Option<impl Display>) -> &mut Self {
        if let Some(value) = value {
            self.text(name, value);
        }
        self
    }

    /// An element with content.
    pub(crate) fn node(&mut self, name: &str, content: impl FnOnce(&mut Self)) -> &mut Self {
        let _ = write!(self.out, "<{name}>");
        content(self);
        let _ = write!(self.out, "</{name}>");
        self
    }

    /// A list as EC2 writes it: every entry is an `<item>`.
    pub(crate) fn list<T>(
        &mut self,
        name: &str,
        entries: impl IntoIterator<Item = T>,
        write: impl FnMut(&mut Self, T),
    ) -> &mut Self {
        self.entries(name, "item", entries, write)
    }

    /// A list as the AWS Query protocol writes it: every entry is a `<member>`.
    pub(crate) fn members<T>(
        &mut self,
        name: &str,
        entries: impl IntoIterator<Item = T>,
        write: impl FnMut(&mut Self, T),
    ) -> &mut Self {
        self.entries(name, "member", entries, write)
    }

    fn entries<T>(
        &mut self,
        name: &str,
        each: &str,
        entries: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T),
    ) -> &mut Self {
        self.node(name, |xml| {
            for entry in entries {
                xml.node(each, |xml| write(xml, entry));
            }
        })
    }

    /// The text of an element that was opened already, escaped.
    pub(crate) fn chars(&mut self, value: impl Display) -> &mut Self {
        let _ = write!(Escaping(&mut self.out), "{value}");
        self
    }

    pub(crate) fn into_string(self) -> String {
        self.out
    }
}

struct Escaping<'a>(&'a mut String);

impl Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.push_str(&quick_xml::escape::partial_escape(text));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_and_lists_have_items() {
        let mut xml = Xml::new();
        xml.list("tagSet", ["a<b", "&"], |xml, value| {
            xml.text("key", value).opt("value", None::<&str>);
        });
        let expected = "<tagSet><item><key>a&lt;b</key></item><item><key>&amp;</key></item></tagSet>";
        assert_eq!(xml.into_string(), expected);
    }
}
