//! `InfrastructureDriver`: a graph is declared, the engine of the client crate does the rest.

use std::sync::Arc;

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, stream, stream::BoxStream};
use gardener_provider_client::graph::{Change, Engine, Graph, Resource, Run, Scope, only_one};
use gardener_provider_core::{
    CloudResource, Difference, Error, Infrastructure, InfrastructureDriver, InfrastructureRequest, Plan,
    Result, RunOptions,
};
use ipnet::IpNet;
use serde::Deserialize;
use serde_json::json;

use crate::{
    client::{Client, Connection, map},
    cloud::{Map, Thing},
};

const API_VERSION: &str = "cumulus.provider.example/v1alpha1";
const KINDS: [&str; 4] = ["network", "firewall", "subnet", "balancer"];

/// `InfrastructureConfig`. The types say what is allowed; what they cannot say, [`Config::of`] checks.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Config {
    #[allow(dead_code, reason = "read so that it is known; there is one version only")]
    api_version: String,
    #[allow(dead_code, reason = "as above")]
    kind: String,
    network: IpNet,
    zones: Vec<Zone>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Zone {
    name: String,
    subnet: IpNet,
}

impl Config {
    fn of(request: &InfrastructureRequest) -> Result<Self> {
        // A path to the field makes the error one that a user can act on.
        let config: Self = serde_json::from_value(request.config.clone()).map_err(|problem| {
            let network = request.config.get("network").and_then(serde_json::Value::as_str);
            match network.filter(|text| text.parse::<IpNet>().is_err()) {
                Some(text) => Error::invalid("network", format!("{text:?} is no CIDR such as 10.0.0.0/16")),
                None => Error::invalid("infrastructureConfig", problem),
            }
        })?;
        for (n, zone) in config.zones.iter().enumerate() {
            if !config.network.contains(&zone.subnet) {
                let problem = format!("{} is not within the network {}", zone.subnet, config.network);
                return Err(Error::invalid(format!("zones[{n}].subnet"), problem));
            }
        }
        Ok(config)
    }
}

/// A field's value: a text, or the id of another node, known once that exists.
#[derive(Debug, Clone)]
enum Value {
    Text(String),
    IdOf(String),
}

/// Any thing of this cloud's network. Other clouds need one type for each kind.
#[derive(Debug)]
struct Piece {
    client: Client,
    cluster: String,
    kind: &'static str,
    node: String,
    fields: Vec<(&'static str, Value)>,
}

impl Piece {
    fn fields(&self, scope: &Scope) -> Result<Map> {
        let value = |value: &Value| match value {
            Value::Text(text) => Ok(text.clone()),
            Value::IdOf(node) => scope.id(node),
        };
        self.fields.iter().map(|(name, wanted)| Ok(((*name).to_owned(), value(wanted)?))).collect()
    }

    fn labels(&self) -> Map {
        map([("cluster", &self.cluster), ("node", &self.node)])
    }
}

#[async_trait]
impl Resource for Piece {
    type Observed = Thing;

    fn kind(&self) -> &'static str {
        self.kind
    }

    fn id(&self, observed: &Thing) -> String {
        observed.id.clone()
    }

    async fn find(&self, _: &Scope) -> Result<Option<Thing>> {
        let found = self.client.list(self.kind, &self.labels()).await?;
        only_one(&self.node, found, |thing| thing.id.clone())
    }

    async fn create(&self, scope: &Scope) -> Result<Thing> {
        let key = format!("{}/{}", self.cluster, self.node);
        self.client.create(self.kind, key, self.labels(), self.fields(scope)?).await
    }

    fn differs(&self, scope: &Scope, observed: &Thing) -> Result<Change> {
        let mut differences = Vec::new();
        for (name, wanted) in self.fields(scope)? {
            let current = observed.fields.get(&name).cloned().unwrap_or_default();
            if current != wanted {
                differences.push(Difference::new(name, current, wanted));
            }
        }
        Ok(Change::update(differences))
    }

    async fn update(&self, scope: &Scope, observed: &Thing) -> Result<Thing> {
        self.client.update(&observed.id, self.fields(scope)?).await
    }

    async fn delete(&self, _: &Scope, observed: &Thing) -> Result<()> {
        self.client.delete(&observed.id).await
    }
}

/// What the cluster made by itself and does not take along: it stands in the way of the subnets.
#[derive(Debug)]
struct Balancers {
    client: Client,
    cluster: String,
}

#[async_trait]
impl Resource for Balancers {
    type Observed = Vec<Thing>;

    fn kind(&self) -> &'static str {
        "balancer"
    }

    fn id(&self, observed: &Vec<Thing>) -> String {
        observed.iter().map(|thing| thing.id.as_str()).collect::<Vec<_>>().join(",")
    }

    async fn find(&self, _: &Scope) -> Result<Option<Vec<Thing>>> {
        let found = self.client.list("balancer", &map([("cluster", &self.cluster)])).await?;
        Ok(Some(found).filter(|found| !found.is_empty()))
    }

    async fn create(&self, _: &Scope) -> Result<Vec<Thing>> {
        Err(Error::internal("balancers are made by the cluster"))
    }

    async fn delete(&self, _: &Scope, observed: &Vec<Thing>) -> Result<()> {
        for thing in observed {
            self.client.delete(&thing.id).await?;
        }
        Ok(())
    }
}

/// The infrastructure of cumulus.
#[derive(Debug)]
pub(crate) struct Networks(pub(crate) Connection);

impl Networks {
    fn engine(&self) -> Engine {
        Engine::new(Arc::clone(&self.0.clock), API_VERSION)
    }

    fn graph(&self, request: &InfrastructureRequest) -> Result<(Graph, Config)> {
        let config = Config::of(request)?;
        let client = self.0.sign_in(&request.secret)?;
        let piece = |kind, node: &str, fields: Vec<(&'static str, Value)>| Piece {
            client: client.clone(),
            cluster: request.cluster.to_string(),
            kind,
            node: node.to_owned(),
            fields,
        };
        let in_network = || ("network", Value::IdOf("network".to_owned()));
        let mut graph = Graph::new();
        let cidr = Value::Text(config.network.to_string());
        graph.add("network", &[], piece("network", "network", vec![("cidr", cidr)]))?;
        let closed = Value::Text("closed".to_owned());
        let firewall = piece("firewall", "firewall", vec![in_network(), ("default", closed)]);
        graph.add("firewall", &["network"], firewall)?;
        for zone in &config.zones {
            let node = format!("zone/{}/subnet", zone.name);
            let cidr = Value::Text(zone.subnet.to_string());
            let zone = Value::Text(zone.name.clone());
            let subnet = piece("subnet", &node, vec![in_network(), ("zone", zone), ("cidr", cidr)]);
            graph.add(&node, &["network"], subnet)?;
        }
        let subnets: Vec<_> =
            graph.names().filter(|name| name.starts_with("zone/")).map(str::to_owned).collect();
        let after: Vec<_> = subnets.iter().map(String::as_str).collect();
        graph.add_leftover(
            "balancers",
            &after,
            Balancers { client, cluster: request.cluster.to_string() },
        )?;
        Ok((graph, config))
    }
}

fn outcome(run: Run, config: &Config) -> Result<Infrastructure> {
    if let Some(missing) = run.missing.first() {
        return Err(Error::not_found(missing));
    }
    let subnet = |zone: &Zone| {
        let id = run.scope.id(&format!("zone/{}/subnet", zone.name))?;
        Ok(json!({ "zone": zone.name, "id": id }))
    };
    let subnets = config.zones.iter().map(subnet).collect::<Result<Vec<_>>>()?;
    let mut infrastructure = Infrastructure::default();
    infrastructure.status = json!({
        "apiVersion": API_VERSION,
        "kind": "InfrastructureStatus",
        "network": { "id": run.scope.id("network")? },
        "subnets": subnets,
    });
    infrastructure.state = run.state;
    Ok(infrastructure)
}

#[async_trait]
impl InfrastructureDriver for Networks {
    async fn plan(&self, request: &InfrastructureRequest) -> Result<Plan> {
        let (graph, _) = self.graph(request)?;
        self.engine().plan(&graph, request.state.as_ref()).await
    }

    async fn plan_destroy(&self, request: &InfrastructureRequest) -> Result<Plan> {
        let (graph, _) = self.graph(request)?;
        self.engine().plan_destroy(&graph, request.state.as_ref()).await
    }

    async fn apply(&self, request: &InfrastructureRequest, options: &RunOptions) -> Result<Infrastructure> {
        let (graph, config) = self.graph(request)?;
        outcome(self.engine().apply(&graph, request.state.as_ref(), options).await?, &config)
    }

    async fn destroy(&self, request: &InfrastructureRequest, options: &RunOptions) -> Result<()> {
        let (graph, _) = self.graph(request)?;
        self.engine().destroy(&graph, request.state.as_ref(), options).await.map(drop)
    }

    async fn get(&self, request: &InfrastructureRequest) -> Result<Infrastructure> {
        let (graph, config) = self.graph(request)?;
        outcome(self.engine().observe(&graph, request.state.as_ref()).await?, &config)
    }

    fn list(&self, request: InfrastructureRequest) -> BoxStream<'static, Result<CloudResource>> {
        let connection = self.0.clone();
        let all = async move {
            let client = connection.sign_in(&request.secret)?;
            let labels = map([("cluster", request.cluster.as_str())]);
            let mut found = Vec::new();
            for kind in KINDS {
                found.extend(client.list(kind, &labels).await?);
            }
            let found = found.into_iter().map(|thing| Ok(CloudResource::new(thing.kind, thing.id)));
            Ok::<_, Error>(stream::iter(found.collect::<Vec<_>>()))
        };
        stream::once(all).try_flatten().boxed()
    }

    fn picture(&self, request: &InfrastructureRequest) -> Result<String> {
        Ok(self.graph(request)?.0.picture())
    }
}
