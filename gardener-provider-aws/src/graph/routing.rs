//! Route tables of ours, their routes, and the subnets that use them.

use std::sync::Arc;

use async_trait::async_trait;
use gardener_provider_client::{
    graph::{Change, Looks, Resource, Scope},
    rest::or_gone,
};
use gardener_provider_core::{Difference, ErrorKind, Result};

use super::{context::Context, nodes};
use crate::api::{
    describe::Query,
    query::Filter,
    routes::{
        Association, Route, RouteTable, Target, associate_route_table, create_route, create_route_table,
        delete_route_table, describe_route_tables, disassociate_route_table, replace_route,
        replace_route_table_association,
    },
};

/// Everything over IPv4.
const ALL_V4: &str = "0.0.0.0/0";
/// Everything over IPv6.
const ALL_V6: &str = "::/0";
/// IPv4 destinations as seen over IPv6
/// ([source](https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-nat64-dns64.html)).
const NAT64: &str = "64:ff9b::/96";

/// A route table.
#[derive(Debug)]
pub(crate) struct OwnRouteTable {
    pub(crate) cx: Arc<Context>,
    pub(crate) looks: Looks,
    pub(crate) node: String,
    pub(crate) name: String,
    /// A subnet whose id makes the creation token differ from one infrastructure to the next.
    pub(crate) subnet: String,
}

#[async_trait]
impl Resource for OwnRouteTable {
    type Observed = RouteTable;

    fn kind(&self) -> &'static str {
        "route table"
    }

    fn id(&self, observed: &RouteTable) -> String {
        observed.route_table_id.clone()
    }

    async fn find(&self, _: &Scope) -> Result<Option<RouteTable>> {
        self.cx.named("route table", &self.looks, &self.cx.snapshot.route_tables, &self.name).await
    }

    async fn create(&self, scope: &Scope) -> Result<RouteTable> {
        let (vpc, subnet) = (scope.id(nodes::VPC)?, scope.id(&self.subnet)?);
        let tags = self.cx.named_tags(&self.name);
        let token = self.cx.token(scope, &self.node, &[&vpc, &subnet]);
        let mut created = self.cx.run(create_route_table(&vpc, &tags, &token)).await?;
        created.tags = tags;
        Ok(created)
    }

    fn differs(&self, _: &Scope, observed: &RouteTable) -> Result<Change> {
        Ok(Change::update(self.cx.tag_differences(&self.cx.named_tags(&self.name), &observed.tags)))
    }

    async fn update(&self, _: &Scope, observed: &RouteTable) -> Result<RouteTable> {
        let mut updated = observed.clone();
        let tags = self.cx.named_tags(&self.name);
        self.cx.retag(&observed.route_table_id, &tags, &mut updated.tags).await?;
        Ok(updated)
    }

    async fn delete(&self, _: &Scope, observed: &RouteTable) -> Result<()> {
        or_gone(self.cx.run(delete_route_table(&observed.route_table_id)).await)
    }
}

/// Which routes a table has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Routing {
    /// Out and in, over the internet gateway.
    Public,
    /// Out only, over the NAT gateway of the zone of this index.
    Private(usize),
}

/// The routes of a table. Routes of others stay as they are.
#[derive(Debug)]
pub(crate) struct Routes {
    pub(crate) cx: Arc<Context>,
    pub(crate) looks: Looks,
    pub(crate) table: String,
    pub(crate) routing: Routing,
}

/// A table and its routes as they are.
#[derive(Debug, Clone)]
pub(crate) struct TableRoutes {
    table: String,
    routes: Vec<Route>,
}

impl TableRoutes {
    fn to(&self, destination: &str) -> Option<&Route> {
        self.routes.iter().find(|route| route.destination() == Some(destination))
    }
}

impl Routes {
    fn wanted(&self, scope: &Scope) -> Result<Vec<(&'static str, Target)>> {
        let ipv6 = self.cx.uses_ipv6();
        Ok(match self.routing {
            Routing::Public => {
                let gateway = Target::Gateway(scope.id(nodes::INTERNET_GATEWAY)?);
                let v6 = ipv6.then(|| (ALL_V6, gateway.clone()));
                [(ALL_V4, gateway)].into_iter().chain(v6).collect()
            }
            Routing::Private(index) => {
                let zone = &self.cx.config.networks.zones[index].name;
                let nat = Target::Nat(scope.id(&nodes::zone(zone, "nat-gateway"))?);
                let mut wanted = vec![(ALL_V4, nat.clone())];
                if ipv6 {
                    wanted.push((ALL_V6, Target::EgressOnly(scope.id(nodes::EGRESS_ONLY_GATEWAY)?)));
                    wanted.push((NAT64, nat));
                }
                wanted
            }
        })
    }

    fn destinations(&self) -> &'static [&'static str] {
        match (self.routing, self.cx.uses_ipv6()) {
            (_, false) => &[ALL_V4],
            (Routing::Public, true) => &[ALL_V4, ALL_V6],
            (Routing::Private(_), true) => &[ALL_V4, ALL_V6, NAT64],
        }
    }

    /// Adds what is missing and leads elsewhere what leads wrong.
    async fn converge(&self, scope: &Scope, observed: &TableRoutes) -> Result<TableRoutes> {
        let mut updated = observed.clone();
        for (destination, target) in self.wanted(scope)? {
            match observed.to(destination) {
                Some(route) if is_route_to(route, &target) => continue,
                Some(_) => self.cx.run(replace_route(&observed.table, destination, &target)).await?,
                None => match self.cx.run(create_route(&observed.table, destination, &target)).await {
                    // Sent twice, or by somebody else a moment ago: it may lead anywhere.
                    Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                        self.cx.run(replace_route(&observed.table, destination, &target)).await?;
                    }
                    other => other?,
                },
            }
            updated.routes.retain(|route| route.destination() != Some(destination));
            updated.routes.push(described(destination, &target));
        }
        Ok(updated)
    }
}

/// A route whose target is gone is no route.
fn is_route_to(route: &Route, target: &Target) -> bool {
    route.target() == Some(target.id()) && route.state != "blackhole"
}

fn described(destination: &str, target: &Target) -> Route {
    let mut route = Route { state: "active".to_owned(), ..Route::default() };
    let field = if destination.contains(':') {
        &mut route.destination_ipv6_cidr_block
    } else {
        &mut route.destination_cidr_block
    };
    *field = Some(destination.to_owned());
    match target {
        Target::Gateway(id) => route.gateway_id = Some(id.clone()),
        Target::Nat(id) => route.nat_gateway_id = Some(id.clone()),
        Target::EgressOnly(id) => route.egress_only_internet_gateway_id = Some(id.clone()),
    }
    route
}

#[async_trait]
impl Resource for Routes {
    type Observed = TableRoutes;

    fn kind(&self) -> &'static str {
        "routes"
    }

    fn id(&self, observed: &TableRoutes) -> String {
        format!("{}/routes", observed.table)
    }

    async fn find(&self, scope: &Scope) -> Result<Option<TableRoutes>> {
        let Some(table) = scope.try_get::<RouteTable>(&self.table) else { return Ok(None) };
        let routes = if self.looks.is_first() {
            table.routes.clone()
        } else {
            let fresh = self.cx.by_id(describe_route_tables, &table.route_table_id).await?;
            fresh.map(|table| table.routes).unwrap_or_default()
        };
        let found = TableRoutes { table: table.route_table_id.clone(), routes };
        let has_any = self.destinations().iter().any(|destination| found.to(destination).is_some());
        Ok(has_any.then_some(found))
    }

    async fn create(&self, scope: &Scope) -> Result<TableRoutes> {
        let none = TableRoutes { table: scope.id(&self.table)?, routes: Vec::new() };
        self.converge(scope, &none).await
    }

    fn differs(&self, scope: &Scope, observed: &TableRoutes) -> Result<Change> {
        let wanted = self.wanted(scope)?.into_iter();
        let differences = wanted.filter_map(|(destination, target)| {
            let route = observed.to(destination);
            if route.is_some_and(|route| is_route_to(route, &target)) {
                return None;
            }
            let current = route.and_then(Route::target).unwrap_or("-");
            Some(Difference::new(format!("route {destination}"), current, target))
        });
        Ok(Change::update(differences.collect()))
    }

    async fn update(&self, scope: &Scope, observed: &TableRoutes) -> Result<TableRoutes> {
        self.converge(scope, observed).await
    }

    /// They go with the table.
    async fn delete(&self, _: &Scope, _: &TableRoutes) -> Result<()> {
        Ok(())
    }
}

/// A subnet's use of a route table.
#[derive(Debug)]
pub(crate) struct TableAssociation {
    pub(crate) cx: Arc<Context>,
    pub(crate) looks: Looks,
    pub(crate) table: String,
    pub(crate) subnet: String,
}

#[async_trait]
impl Resource for TableAssociation {
    type Observed = Association;

    fn kind(&self) -> &'static str {
        "route table association"
    }

    fn id(&self, observed: &Association) -> String {
        observed.id.clone()
    }

    async fn find(&self, scope: &Scope) -> Result<Option<Association>> {
        let Some(subnet) = scope.try_id(&self.subnet) else { return Ok(None) };
        let is_ours = |association: &Association| association.subnet_id.as_deref() == Some(subnet.as_str());
        let tables = if self.looks.is_first() {
            self.cx.snapshot.route_tables.shared(&self.cx).await?
        } else {
            let filter = Filter::is("association.subnet-id", &subnet);
            Arc::new(self.cx.all(describe_route_tables, Query::matching([filter])).await?)
        };
        let table = |association: &Association, table: &RouteTable| {
            let mut association = association.clone();
            association.route_table_id.clone_from(&table.route_table_id);
            association
        };
        let found = tables.iter().find_map(|candidate| {
            candidate.associations.iter().find(|found| is_ours(found)).map(|found| table(found, candidate))
        });
        Ok(found)
    }

    async fn create(&self, scope: &Scope) -> Result<Association> {
        let (table, subnet) = (scope.id(&self.table)?, scope.id(&self.subnet)?);
        let id = self.cx.run(associate_route_table(&table, &subnet)).await?;
        Ok(Association { id, route_table_id: table, subnet_id: Some(subnet), main: false })
    }

    fn differs(&self, scope: &Scope, observed: &Association) -> Result<Change> {
        let wanted = scope.id(&self.table)?;
        if observed.route_table_id == wanted {
            return Ok(Change::None);
        }
        Ok(Change::Update(vec![Difference::new("route table", &observed.route_table_id, wanted)]))
    }

    async fn update(&self, scope: &Scope, observed: &Association) -> Result<Association> {
        let table = scope.id(&self.table)?;
        let id = self.cx.run(replace_route_table_association(&observed.id, &table)).await?;
        Ok(Association { id, route_table_id: table, subnet_id: observed.subnet_id.clone(), main: false })
    }

    async fn delete(&self, scope: &Scope, observed: &Association) -> Result<()> {
        // The user may have put another table there: what we did not make is not ours to undo.
        if scope.try_id(&self.table).is_none_or(|ours| ours != observed.route_table_id) {
            return Ok(());
        }
        or_gone(self.cx.run(disassociate_route_table(&observed.id)).await)
    }
}
