//! The engine against a toy cloud of named things.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use gardener_provider_core::{
    Action, CancelToken, CloudResource, Difference, Error, ErrorKind, InfrastructureState, Result, Retry,
    RunOptions, StateStore,
};

use super::*;
use crate::clock::{Clock, TokioClock};

/// Things by name, what each needs, and a log of what was changed.
#[derive(Debug, Default)]
struct Cloud {
    things: Mutex<BTreeMap<String, Thing>>,
    log: Mutex<Vec<String>>,
    next_id: Mutex<u32>,
    lag: Mutex<Duration>,
    /// Updates do not find what does not show yet.
    updates_lag: Mutex<bool>,
    /// Creations of these fail; a lost reply leaves the thing behind.
    broken: Mutex<BTreeMap<String, (ErrorKind, bool)>>,
}

#[derive(Debug, Clone)]
struct Thing {
    id: String,
    size: u32,
    needs: Vec<String>,
    born: Duration,
}

#[derive(Debug, Clone)]
struct Wanted {
    cloud: Arc<Cloud>,
    clock: TokioClock,
    name: &'static str,
    needs: &'static [&'static str],
    size: u32,
    given: bool,
    wanted: bool,
}

#[async_trait]
impl Resource for Wanted {
    type Observed = Thing;

    fn kind(&self) -> &'static str {
        "thing"
    }

    fn id(&self, observed: &Thing) -> String {
        observed.id.clone()
    }

    async fn find(&self, _: &Scope) -> Result<Option<Thing>> {
        tokio::task::yield_now().await;
        let lag = *self.cloud.lag.lock().unwrap();
        let things = self.cloud.things.lock().unwrap();
        let now = self.clock.monotonic();
        let seen = things.iter().filter(|(_, thing)| thing.born.is_zero() || thing.born + lag <= now);
        let matching = seen.filter(|(key, _)| key.split('#').next() == Some(self.name));
        only_one(self.name, matching.map(|(_, thing)| thing.clone()).collect(), |thing| thing.id.clone())
    }

    async fn create(&self, scope: &Scope) -> Result<Thing> {
        if self.given {
            return Err(Error::invalid("config.given", "does not exist"));
        }
        self.clock.sleep(Duration::from_millis(100)).await;
        let needs = self.needs.iter().map(|name| scope.id(name)).collect::<Result<_>>()?;
        let broken = self.cloud.broken.lock().unwrap().remove(self.name);
        if let Some((kind, false)) = broken {
            return Err(Error::new(kind, "broken"));
        }
        let mut next = self.cloud.next_id.lock().unwrap();
        *next += 1;
        let thing = Thing { id: format!("id-{next}"), size: 0, needs, born: self.clock.monotonic() };
        let key = format!("{}#{next}", self.name);
        self.cloud.things.lock().unwrap().insert(key, thing.clone());
        self.cloud.log.lock().unwrap().push(format!("create {}", self.name));
        broken.map_or(Ok(thing), |(kind, _)| Err(Error::new(kind, "reply lost")))
    }

    fn differs(&self, _: &Scope, thing: &Thing) -> Result<Change> {
        if thing.size == self.size {
            return Ok(Change::None);
        }
        let difference = vec![Difference::new("size", thing.size, self.size)];
        Ok(if self.size >= 100 && thing.size != 0 {
            Change::Replace(difference)
        } else {
            Change::Update(difference)
        })
    }

    async fn update(&self, _: &Scope, thing: &Thing) -> Result<Thing> {
        let shows_at = thing.born + *self.cloud.lag.lock().unwrap();
        if *self.cloud.updates_lag.lock().unwrap() && self.clock.monotonic() < shows_at {
            return Err(Error::not_found(&thing.id));
        }
        self.cloud.log.lock().unwrap().push(format!("update {}", self.name));
        let mut things = self.cloud.things.lock().unwrap();
        let found = things.values_mut().find(|other| other.id == thing.id).unwrap();
        found.size = self.size;
        Ok(found.clone())
    }

    async fn delete(&self, _: &Scope, thing: &Thing) -> Result<()> {
        self.clock.sleep(Duration::from_millis(100)).await;
        let mut things = self.cloud.things.lock().unwrap();
        if !self.given {
            if things.values().any(|other| other.needs.contains(&thing.id)) {
                return Err(Error::new(ErrorKind::DependencyViolation, "is needed"));
            }
            things.retain(|_, other| other.id != thing.id);
        }
        self.cloud.log.lock().unwrap().push(format!("delete {}", self.name));
        Ok(())
    }

    fn given(&self) -> bool {
        self.given
    }

    fn wanted(&self) -> bool {
        self.wanted
    }
}

#[derive(Debug, Default)]
struct Saved(Mutex<Vec<InfrastructureState>>);

#[async_trait]
impl StateStore for Saved {
    async fn save(&self, state: &InfrastructureState) -> Result<()> {
        self.0.lock().unwrap().push(state.clone());
        Ok(())
    }
}

struct World {
    cloud: Arc<Cloud>,
    clock: TokioClock,
    saved: Arc<Saved>,
}

impl World {
    fn new() -> Self {
        Self { cloud: Arc::default(), clock: TokioClock::default(), saved: Arc::default() }
    }

    fn thing(&self, name: &'static str, needs: &'static [&'static str]) -> Wanted {
        let (cloud, clock) = (self.cloud.clone(), self.clock);
        Wanted { cloud, clock, name, needs, size: 1, given: false, wanted: true }
    }

    /// net <- {a <- a1, b <- b1} <- top
    fn graph(&self) -> Graph {
        let mut graph = Graph::new();
        for (name, needs) in [
            ("net", &[] as &[&str]),
            ("a", &["net"]),
            ("b", &["net"]),
            ("a1", &["a"]),
            ("b1", &["b"]),
            ("top", &["a1", "b1"]),
        ] {
            graph.add(name, needs, self.thing(name, needs)).unwrap();
        }
        graph
    }

    fn engine(&self) -> Engine {
        Engine::new(Arc::new(self.clock), "test/v1")
    }

    fn options(&self) -> RunOptions {
        RunOptions::default().with_state_store(self.saved.clone())
    }

    async fn apply(&self, graph: &Graph) -> Result<Run> {
        let state = self.saved.0.lock().unwrap().last().cloned();
        self.engine().apply(graph, state.as_ref(), &self.options()).await
    }

    fn changes(&self) -> Vec<String> {
        std::mem::take(&mut *self.cloud.log.lock().unwrap())
    }

    fn count(&self) -> usize {
        self.cloud.things.lock().unwrap().len()
    }
}

#[tokio::test(start_paused = true)]
async fn apply_runs_in_parallel_along_the_graph_and_a_second_changes_nothing() {
    let world = World::new();
    let run = world.apply(&world.graph()).await.unwrap();
    // Four levels of 100 ms each, though there are six things.
    assert_eq!(world.clock.monotonic(), Duration::from_millis(400));
    assert!(run.actions.values().all(|action| *action == Action::Create));
    let ids = run.state.data.keys().filter(|key| !key.starts_with("intent/"));
    assert_eq!(ids.count(), 6, "{:?}", run.state);
    assert_eq!(world.changes().len(), 12);
    let saves = world.saved.0.lock().unwrap().len();
    let again = world.apply(&world.graph()).await.unwrap();
    assert_eq!(again.state.data.len(), 6, "{:?}", again.state);
    assert!(again.actions.values().all(|action| *action == Action::Keep));
    assert!(world.changes().is_empty());
    assert_eq!(world.saved.0.lock().unwrap().len(), saves, "nothing changed, nothing saved");
}

#[tokio::test(start_paused = true)]
async fn destroy_runs_backward_and_leaves_nothing() {
    let world = World::new();
    world.apply(&world.graph()).await.unwrap();
    world.changes();
    // Without any saved state: everything is found in the cloud.
    world.engine().destroy(&world.graph(), None, &world.options()).await.unwrap();
    assert_eq!(world.count(), 0);
    assert_eq!(world.changes().last().unwrap(), "delete net");
    assert!(world.saved.0.lock().unwrap().last().is_none_or(|state| state.data.is_empty()));
    world.engine().destroy(&world.graph(), None, &world.options()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_run_dropped_at_any_moment_is_finished_by_the_next() {
    for millis in (0..420).step_by(10) {
        let world = World::new();
        *world.cloud.lag.lock().unwrap() = Duration::from_secs(20);
        let graph = world.graph();
        let stopped = tokio::time::timeout(Duration::from_millis(millis), world.apply(&graph)).await;
        assert!(stopped.is_err() || millis >= 400);
        world.apply(&graph).await.unwrap();
        assert_eq!(world.count(), 6, "stopped after {millis} ms");
        let (engine, options) = (world.engine(), world.options());
        let destroy = engine.destroy(&graph, None, &options);
        let _ = tokio::time::timeout(Duration::from_millis(millis), destroy).await;
        world.clock.sleep(Duration::from_secs(60)).await;
        world.engine().destroy(&graph, None, &world.options()).await.unwrap();
        assert_eq!(world.count(), 0, "stopped after {millis} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn a_creation_whose_reply_was_lost_is_adopted_though_the_cloud_lags() {
    let world = World::new();
    *world.cloud.lag.lock().unwrap() = Duration::from_secs(20);
    world.cloud.broken.lock().unwrap().insert("a".to_owned(), (ErrorKind::Unavailable, true));
    world.apply(&world.graph()).await.unwrap();
    assert_eq!(world.count(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_creation_refused_for_a_namesake_looks_again() {
    for made_by_a_lost_attempt in [true, false] {
        let world = World::new();
        *world.cloud.lag.lock().unwrap() = Duration::from_secs(20);
        let refusal = (ErrorKind::AlreadyExists, made_by_a_lost_attempt);
        world.cloud.broken.lock().unwrap().insert("a".to_owned(), refusal);
        world.apply(&world.graph()).await.unwrap();
        let creations = world.changes().iter().filter(|change| *change == "create a").count();
        assert_eq!((creations, world.count()), (1, 6));
    }
}

/// A refused creation whose reply was lost makes the run look for it in vain for the whole lag; what is created after
/// that still has all of the lag to show.
#[tokio::test(start_paused = true)]
async fn the_lag_counts_from_the_last_creation() {
    let world = World::new();
    *world.cloud.lag.lock().unwrap() = Duration::from_secs(5);
    world.cloud.broken.lock().unwrap().insert("a".to_owned(), (ErrorKind::Unavailable, false));
    *world.cloud.updates_lag.lock().unwrap() = true;
    world.apply(&world.graph()).await.unwrap();
    assert_eq!(world.count(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_failure_stops_what_depends_on_it_and_nothing_else() {
    let world = World::new();
    world.cloud.broken.lock().unwrap().insert("a".to_owned(), (ErrorKind::QuotaExceeded, false));
    let error = world.apply(&world.graph()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QuotaExceeded);
    assert!(error.to_string().starts_with("a: "), "{error}");
    let made: Vec<_> = world.changes().into_iter().filter(|change| change.starts_with("create")).collect();
    assert_eq!(made, ["create net", "create b", "create b1"]);
    world.apply(&world.graph()).await.unwrap();
    assert_eq!(world.count(), 6);
}

#[derive(Debug)]
struct Down;

#[async_trait]
impl StateStore for Down {
    async fn save(&self, _: &InfrastructureState) -> Result<()> {
        Err(Error::new(ErrorKind::Unavailable, "the store is down"))
    }
}

#[tokio::test(start_paused = true)]
async fn a_state_that_cannot_be_saved_stops_the_run_at_once() {
    let world = World::new();
    let options = RunOptions::default().with_state_store(Arc::new(Down));
    let error = world.engine().apply(&world.graph(), None, &options).await.unwrap_err();
    assert!(error.to_string().contains("saving the infrastructure's state: the store is down"), "{error}");
    assert_eq!(world.clock.monotonic(), Duration::ZERO);
    assert_eq!(world.count(), 0, "nothing is made that could not be noted");
}

#[tokio::test(start_paused = true)]
async fn all_failures_are_reported() {
    let world = World::new();
    for name in ["a", "b"] {
        world.cloud.broken.lock().unwrap().insert(name.to_owned(), (ErrorKind::QuotaExceeded, false));
    }
    let text = world.apply(&world.graph()).await.unwrap_err().to_string();
    assert!(
        text.contains("2 steps failed") && text.contains("a: broken") && text.contains("b: broken"),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_hindrance_that_passes_is_waited_out_and_one_that_stays_is_an_error() {
    let world = World::new();
    let hindered = (ErrorKind::DependencyViolation, false);
    world.cloud.broken.lock().unwrap().insert("b".to_owned(), hindered);
    world.apply(&world.graph()).await.unwrap();
    let foreign = Thing { id: "id-x".into(), size: 1, needs: vec!["id-1".into()], born: Duration::ZERO };
    world.cloud.things.lock().unwrap().insert("foreign".to_owned(), foreign);
    let error = world.engine().destroy(&world.graph(), None, &world.options()).await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (ErrorKind::DependencyViolation, Retry::Later));
    assert_eq!(world.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn cancelling_finishes_what_is_under_way_and_begins_nothing() {
    let world = World::new();
    let cancel = CancelToken::new();
    let options = world.options().with_cancel(cancel.clone());
    let (graph, engine) = (world.graph(), world.engine());
    let stop = async {
        world.clock.sleep(Duration::from_millis(150)).await;
        cancel.cancel();
    };
    let (run, ()) = futures::future::join(engine.apply(&graph, None, &options), stop).await;
    assert_eq!(run.unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!(world.count(), 3, "net, a and b");
    assert!(world.saved.0.lock().unwrap().last().unwrap().data.contains_key("b"));
}

#[tokio::test(start_paused = true)]
async fn a_plan_says_what_would_be_done_and_changes_nothing() {
    let world = World::new();
    let plan = world.engine().plan(&world.graph(), None).await.unwrap();
    assert_eq!(plan.changes().count(), 6);
    world.apply(&world.graph()).await.unwrap();
    world.changes();
    let mut graph = Graph::new();
    graph.add("net", &[], Wanted { size: 2, ..world.thing("net", &[]) }).unwrap();
    graph.add("a", &["net"], Wanted { size: 100, ..world.thing("a", &["net"]) }).unwrap();
    graph.add("b", &["net"], Wanted { wanted: false, ..world.thing("b", &["net"]) }).unwrap();
    graph.add("c", &["net"], world.thing("c", &["net"])).unwrap();
    let plan = world.engine().plan(&graph, None).await.unwrap();
    let actions: Vec<_> = plan.steps.iter().map(|step| step.action).collect();
    assert_eq!(actions, [Action::Update, Action::Replace, Action::Delete, Action::Create]);
    assert_eq!(plan.steps[0].differences, [Difference::new("size", 1, 2)]);
    assert!(world.changes().is_empty());
    assert!(world.engine().plan_destroy(&graph, None).await.unwrap().steps.len() == 3);
}

#[tokio::test(start_paused = true)]
async fn what_differs_is_replaced_and_what_is_not_wanted_goes() {
    let world = World::new();
    let mut graph = Graph::new();
    graph.add("a", &[], world.thing("a", &[])).unwrap();
    graph.add("b", &[], world.thing("b", &[])).unwrap();
    world.apply(&graph).await.unwrap();
    let mut graph = Graph::new();
    graph.add("a", &[], Wanted { size: 100, ..world.thing("a", &[]) }).unwrap();
    graph.add("b", &[], Wanted { wanted: false, ..world.thing("b", &[]) }).unwrap();
    let run = world.apply(&graph).await.unwrap();
    assert_eq!((run.actions["a"], run.actions["b"]), (Action::Replace, Action::Delete));
    assert!(run.state.data.contains_key("a") && !run.state.data.contains_key("b"));
    assert_eq!(world.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_the_user_gave_is_neither_created_nor_deleted() {
    let world = World::new();
    let mut graph = Graph::new();
    graph.add("net", &[], Wanted { given: true, ..world.thing("net", &[]) }).unwrap();
    graph.add("a", &["net"], world.thing("a", &["net"])).unwrap();
    let before = world.clock.monotonic();
    let error = world.apply(&graph).await.unwrap_err();
    assert!(error.to_string().contains("config.given"), "{error}");
    assert_eq!(world.clock.monotonic(), before, "waiting does not help");
    assert!(world.engine().plan(&graph, None).await.unwrap_err().to_string().contains("config.given"));
    let theirs = Thing { id: "vpc-x".into(), size: 1, needs: vec![], born: Duration::ZERO };
    world.cloud.things.lock().unwrap().insert("net#theirs".to_owned(), theirs);
    world.apply(&graph).await.unwrap();
    let run = world.engine().destroy(&graph, None, &world.options()).await.unwrap();
    assert_eq!((run.actions["net"], run.actions["a"]), (Action::Release, Action::Delete));
    assert_eq!(world.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn two_matches_are_an_error_that_names_both_and_nothing_is_touched() {
    let world = World::new();
    for id in ["id-x", "id-y"] {
        let thing = Thing { id: id.into(), size: 1, needs: vec![], born: Duration::ZERO };
        world.cloud.things.lock().unwrap().insert(format!("net#{id}"), thing);
    }
    for error in [
        world.apply(&world.graph()).await.unwrap_err(),
        world.engine().destroy(&world.graph(), None, &world.options()).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::MultipleMatches);
        assert!(error.to_string().contains("id-x, id-y"), "{error}");
    }
    assert!(world.changes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn orphans_are_what_is_marked_and_not_part_of_the_graph() {
    let world = World::new();
    let run = world.apply(&world.graph()).await.unwrap();
    let listed = [CloudResource::new("thing", "id-1"), CloudResource::new("thing", "id-99")];
    assert_eq!(Graph::orphans(&run.scope, &listed), [listed[1].clone()]);
}

#[test]
fn a_wrong_declaration_is_an_error_and_a_right_one_a_picture() {
    let world = World::new();
    let mut graph = world.graph();
    assert!(graph.add("net", &[], world.thing("net", &[])).is_err());
    assert!(graph.add("x", &["nowhere"], world.thing("x", &[])).is_err());
    let picture = graph.picture();
    assert!(picture.starts_with("flowchart LR\n") && picture.contains("n0 --> n1"), "{picture}");
}
