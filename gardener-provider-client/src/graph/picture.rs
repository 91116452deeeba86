//! A graph as a Mermaid flowchart.

use std::fmt::Write;

use super::Graph;

impl Graph {
    /// The graph as a [Mermaid](https://mermaid.js.org/syntax/flowchart.html) flowchart: arrows run from what is needed
    /// to what needs it; what the user gives is dashed.
    pub fn picture(&self) -> String {
        let mut text = String::from("flowchart LR\n");
        for (index, node) in self.nodes.iter().enumerate() {
            let (open, close) = if node.resource.given() { ("([", "])") } else { ("[", "]") };
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "    n{index}{open}\"{}<br/><i>{}</i>\"{close}",
                node.name,
                node.resource.kind()
            );
            for before in &node.after {
                let _ = writeln!(text, "    n{before} --> n{index}");
            }
            if node.resource.given() {
                let _ = writeln!(text, "    style n{index} stroke-dasharray: 4");
            }
        }
        text
    }
}
