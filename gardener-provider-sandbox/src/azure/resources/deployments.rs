//! Deployments of templates, as far as the `az` command needs them to make machines.
//!
//! A template's resources are written in the order of `dependsOn`, and the deployment is over with the call.
//! <https://learn.microsoft.com/en-us/azure/azure-resource-manager/templates/syntax>

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::azure::{
    arm::{
        Arm,
        id::ResourceId,
        kind::{Kind, Style},
        shape::{Field, Tone, any, properties, shown, text},
    },
    context::Reply,
    error::{Answer, ArmError},
    kinds,
};

const FIELDS: &[Field] = &[
    text("location"),
    any("tags"),
    properties(&[
        any("mode"),
        shown("template"),
        shown("parameters"),
        any("outputs"),
        any("outputResources"),
    ]),
];

pub(crate) static DEPLOYMENT: Kind = Kind {
    tone: Tone::Other,
    style: Style::Prompt,
    placed: false,
    etag: false,
    list: "ListByResourceGroup",
    ..Kind::new("Microsoft.Resources/deployments", "Deployments", FIELDS)
};

impl Arm<'_> {
    pub(crate) fn deploy(&mut self, id: &ResourceId, given: &Map<String, Value>) -> Answer<Reply> {
        self.check_scope_for_write(id)?;
        let settings = given.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
        let template = Template::read(&settings)?;
        let mut made = Vec::new();
        self.at_once = true;
        for resource in template.in_order()? {
            made.push(self.deploy_one(id, &template, resource)?);
        }
        let outputs: Map<String, Value> = template.outputs(id);
        let made: Vec<Value> = made.into_iter().map(|id| json!({ "id": id })).collect();
        let mode = settings.get("mode").and_then(Value::as_str).unwrap_or("Incremental");
        let kept = json!({ "properties": { "mode": mode, "outputs": outputs, "outputResources": made } });
        self.put(id, &DEPLOYMENT, kept.as_object().unwrap_or(&Map::new()))
    }

    fn deploy_one(
        &mut self,
        id: &ResourceId,
        template: &Template,
        resource: &Map<String, Value>,
    ) -> Answer<String> {
        let mut body = resource.clone();
        let text = |name: &str| resource.get(name).and_then(Value::as_str).unwrap_or_default();
        let target = own_id(id, text("type"), &template.evaluate_text(id, text("name"))?);
        let Some(kind) = kinds::of(&target).filter(|_| !target.path.is_empty()) else {
            return Err(invalid(format!("The resource type {} is not known.", text("type"))));
        };
        for name in ["type", "name", "apiVersion", "dependsOn", "comments"] {
            body.remove(name);
        }
        let body = template.evaluate(id, &Value::Object(body), 0)?;
        let failed = |error: ArmError| {
            ArmError::bad("InvalidTemplateDeployment", "The template deployment failed.")
                .because(error.code, error.message)
        };
        self.put(&target, kind, body.as_object().unwrap_or(&Map::new())).map_err(failed)?;
        Ok(target.to_string())
    }
}

struct Template {
    resources: Vec<Map<String, Value>>,
    parameters: BTreeMap<String, Value>,
    variables: Map<String, Value>,
    outputs: Map<String, Value>,
}

fn invalid(message: String) -> ArmError {
    ArmError::bad("InvalidTemplate", message)
}

fn own_id(deployment: &ResourceId, kind: &str, name: &str) -> ResourceId {
    let mut parts = kind.split('/');
    let provider = parts.next().unwrap_or_default();
    let path = parts.zip(name.split('/')).map(|(kind, name)| (kind.to_owned(), name.to_owned()));
    ResourceId { provider: provider.to_owned(), path: path.collect(), ..deployment.clone() }
}

impl Template {
    fn read(settings: &Map<String, Value>) -> Answer<Self> {
        let template = settings
            .get("template")
            .and_then(Value::as_object)
            .ok_or_else(|| invalid("There is no template.".to_owned()))?;
        let map = |name: &str| template.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
        let resources = template.get("resources").and_then(Value::as_array).into_iter().flatten();
        let mut parameters = BTreeMap::new();
        for (name, declared) in map("parameters") {
            if let Some(value) = declared.get("defaultValue") {
                parameters.insert(name.to_ascii_lowercase(), value.clone());
            }
        }
        for (name, given) in settings.get("parameters").and_then(Value::as_object).into_iter().flatten() {
            parameters.insert(name.to_ascii_lowercase(), given.get("value").cloned().unwrap_or_default());
        }
        Ok(Self {
            resources: resources.filter_map(Value::as_object).cloned().collect(),
            parameters,
            variables: map("variables"),
            outputs: map("outputs"),
        })
    }

    /// The resources, each after those that it depends on.
    fn in_order(&self) -> Answer<Vec<&Map<String, Value>>> {
        let label = |resource: &Map<String, Value>| {
            let text = |name: &str| resource.get(name).and_then(Value::as_str).unwrap_or_default();
            format!("{}/{}", text("type"), text("name")).to_ascii_lowercase()
        };
        let mut left: Vec<&Map<String, Value>> = self.resources.iter().collect();
        let mut ordered: Vec<&Map<String, Value>> = Vec::new();
        while !left.is_empty() {
            let waits = |resource: &Map<String, Value>| {
                let needs = resource.get("dependsOn").and_then(Value::as_array).into_iter().flatten();
                needs.filter_map(Value::as_str).any(|need| {
                    left.iter().any(|other| {
                        label(other) != label(resource) && label(other).ends_with(&need.to_ascii_lowercase())
                    })
                })
            };
            let Some(at) = left.iter().position(|resource| !waits(resource)) else {
                return Err(invalid(
                    "The resources of the template depend on each other in a circle.".to_owned(),
                ));
            };
            ordered.push(left.remove(at));
        }
        Ok(ordered)
    }

    /// Outputs that can be known without looking at resources.
    fn outputs(&self, id: &ResourceId) -> Map<String, Value> {
        let known = self.outputs.iter().filter_map(|(name, output)| {
            let value = self.evaluate(id, output.get("value")?, 0).ok()?;
            Some((name.clone(), json!({ "type": output.get("type"), "value": value })))
        });
        known.collect()
    }

    fn evaluate(&self, id: &ResourceId, value: &Value, depth: usize) -> Answer<Value> {
        if depth > 32 {
            return Err(invalid("The template is nested too deeply.".to_owned()));
        }
        match value {
            Value::String(text) => self.expression(id, text, depth),
            Value::Array(items) => items.iter().map(|item| self.evaluate(id, item, depth + 1)).collect(),
            Value::Object(members) => {
                let members = members.iter();
                let read =
                    members.map(|(name, value)| Ok((name.clone(), self.evaluate(id, value, depth + 1)?)));
                read.collect::<Answer<Map<_, _>>>().map(Value::Object)
            }
            other => Ok(other.clone()),
        }
    }

    fn evaluate_text(&self, id: &ResourceId, text: &str) -> Answer<String> {
        self.expression(id, text, 0).map(|value| value.as_str().unwrap_or_default().to_owned())
    }

    /// `[parameters('x')]`, `[variables('x')]`, `[resourceId('type', 'name')]`; `[[` is a bracket.
    fn expression(&self, id: &ResourceId, text: &str, depth: usize) -> Answer<Value> {
        let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else {
            return Ok(text.into());
        };
        if inner.starts_with('[') {
            return Ok(format!("{inner}]").into());
        }
        let unknown = || invalid(format!("The template expression '{text}' is not known to the sandbox."));
        let (function, arguments) = inner.split_once('(').ok_or_else(unknown)?;
        let arguments = arguments.strip_suffix(')').ok_or_else(unknown)?;
        let literal = |text: &str| {
            text.trim().strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')).map(str::to_owned)
        };
        let arguments = arguments.split(',').map(literal).collect::<Option<Vec<_>>>().ok_or_else(unknown)?;
        match (function.to_ascii_lowercase().as_str(), arguments.as_slice()) {
            ("parameters", [name]) => {
                self.parameters.get(&name.to_ascii_lowercase()).cloned().ok_or_else(unknown)
            }
            ("variables", [name]) => {
                self.evaluate(id, self.variables.get(name).ok_or_else(unknown)?, depth + 1)
            }
            ("resourceid", [kind, name]) => Ok(own_id(id, kind, name).to_string().into()),
            _ => Err(unknown()),
        }
    }
}
