//! Inputs that a world gives the cases.

use gardener_provider_core::{
    BucketSpec, InfrastructureRequest, ListMachinesRequest, Machine, MachineClass, MachineName,
    MachineRequest, MachineUid, PersistentVolumeSpec, Retention, SecretData, VolumeId,
};

/// Credentials, good and bad.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Secrets {
    /// What the cloud accepts, with everything machines need (`userData`).
    pub good: SecretData,
    /// Well-formed credentials that the cloud does not accept, and in which way: unknown, wrong, expired.
    pub refused: Vec<(String, SecretData)>,
    /// Secrets that lack a key, and the key that the error must name.
    pub incomplete: Vec<(String, SecretData)>,
    /// As `incomplete`, of keys that machines alone need.
    pub incomplete_for_machines: Vec<(String, SecretData)>,
    /// Texts within `good` and `refused` that must show nowhere.
    pub confidential: Vec<String>,
}

impl Secrets {
    /// These good credentials and nothing else.
    pub fn new(good: SecretData) -> Self {
        Self { good, ..Self::default() }
    }

    /// Adds credentials that the cloud refuses.
    #[must_use]
    pub fn with_refused(mut self, why: impl Into<String>, secret: SecretData) -> Self {
        self.refused.push((why.into(), secret));
        self
    }

    /// Adds a secret without `key`.
    #[must_use]
    pub fn with_incomplete(mut self, key: impl Into<String>, secret: SecretData) -> Self {
        self.incomplete.push((key.into(), secret));
        self
    }

    /// Adds a secret without `key`, which machines alone need.
    #[must_use]
    pub fn with_incomplete_for_machines(mut self, key: impl Into<String>, secret: SecretData) -> Self {
        self.incomplete_for_machines.push((key.into(), secret));
        self
    }

    /// Adds a text that must show nowhere.
    #[must_use]
    pub fn with_confidential(mut self, text: impl Into<String>) -> Self {
        self.confidential.push(text.into());
        self
    }
}

/// An input that cannot be right.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BadInput<T> {
    /// What is wrong with it.
    pub problem: String,
    /// The input.
    pub input: T,
    /// What the error must name: the field as the user wrote it.
    pub field: String,
}

impl<T> BadInput<T> {
    /// `input`, wrong for `problem`; the error must name `field`.
    pub fn new(problem: impl Into<String>, input: T, field: impl Into<String>) -> Self {
        Self { problem: problem.into(), input, field: field.into() }
    }
}

/// Inputs for machines.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MachineSamples {
    /// A class of which machines can be created.
    pub class: MachineClass,
    /// The same for another cluster in the same place, whose name begins with this one's.
    pub neighbour: Option<MachineClass>,
    /// A class whose machines have to be initialized after creation.
    pub uninitialized: Option<MachineClass>,
    /// Classes that cannot be right.
    pub bad: Vec<BadInput<MachineClass>>,
    /// Volumes and the ids they have in this cloud; `None` for another's.
    pub volumes: Vec<(PersistentVolumeSpec, Option<VolumeId>)>,
    /// Volumes of this cloud whose handle cannot be right.
    pub bad_volumes: Vec<PersistentVolumeSpec>,
    /// True if reads of many machines are to be answered in few calls.
    pub coalesced: bool,
    secret: SecretData,
}

impl MachineSamples {
    /// A class of which machines can be created with `secret`.
    pub fn new(class: MachineClass, secret: SecretData) -> Self {
        Self {
            class,
            neighbour: None,
            uninitialized: None,
            bad: Vec::new(),
            volumes: Vec::new(),
            bad_volumes: Vec::new(),
            coalesced: false,
            secret,
        }
    }

    /// The request for the `n`-th machine.
    pub fn request(&self, n: usize) -> MachineRequest {
        self.request_for(&self.class, n)
    }

    /// The request for the `n`-th machine of another class. Names and UIDs of equal `n` are equal.
    pub(crate) fn request_for(&self, class: &MachineClass, n: usize) -> MachineRequest {
        let name = format!("conformance-worker-z1-{n:04}");
        MachineRequest::new(machine(&name, &uid(n)), class.clone(), self.secret.clone())
    }

    /// The request for a list of the cluster of `class`.
    pub(crate) fn list(&self, class: &MachineClass) -> ListMachinesRequest {
        ListMachinesRequest::new(class.clone(), self.secret.clone())
    }
}

#[allow(clippy::expect_used, reason = "both are made of letters, digits and '-'")]
pub(crate) fn machine(name: &str, uid: &str) -> Machine {
    Machine::new(MachineName::new(name).expect("a name"), MachineUid::new(uid).expect("a UID"))
}

/// UIDs as Kubernetes makes them: version 4 UUIDs.
pub(crate) fn uid(n: usize) -> String {
    format!("7c0f3d6e-{:04x}-4a51-9a3b-{:012x}", n % 0x1_0000, 0x5eed_0000_u64 + n as u64)
}

/// Inputs for infrastructure.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct InfrastructureSamples {
    /// Requests of several shapes, each with a name, all of the same cluster, from the smallest to the largest.
    pub shapes: Vec<(String, InfrastructureRequest)>,
    /// The first shape of another cluster whose name begins with this one's.
    pub neighbour: Option<InfrastructureRequest>,
    /// Changes that a living infrastructure must be able to go through, each as the names of two shapes.
    pub changes: Vec<(String, String)>,
    /// Requests that cannot be right.
    pub bad: Vec<BadInput<InfrastructureRequest>>,
}

impl InfrastructureSamples {
    /// One shape.
    pub fn new(name: impl Into<String>, request: InfrastructureRequest) -> Self {
        Self { shapes: vec![(name.into(), request)], neighbour: None, changes: Vec::new(), bad: Vec::new() }
    }

    /// Adds a shape, behind the others.
    #[must_use]
    pub fn with_shape(mut self, name: impl Into<String>, request: InfrastructureRequest) -> Self {
        self.shapes.push((name.into(), request));
        self
    }

    /// Adds a change from one shape to another.
    #[must_use]
    pub fn with_change(mut self, from: impl Into<String>, to: impl Into<String>) -> Self {
        self.changes.push((from.into(), to.into()));
        self
    }

    pub(crate) fn shape(&self, name: &str) -> Option<&InfrastructureRequest> {
        self.shapes.iter().find(|(known, _)| known == name).map(|(_, request)| request)
    }
}

/// Inputs for object storage.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StorageSamples {
    /// A bucket as Gardener's defaults have it.
    pub spec: BucketSpec,
    /// The same with versions kept, where the cloud can.
    pub versioned: Option<BucketSpec>,
    /// Retentions that a bucket has and is to get, and whether the cloud allows the step.
    pub retentions: Vec<(Retention, Option<Retention>, bool)>,
    /// Specs that cannot be right.
    pub bad: Vec<BadInput<BucketSpec>>,
    /// The credentials.
    pub secret: SecretData,
}

impl StorageSamples {
    /// One bucket.
    pub fn new(spec: BucketSpec, secret: SecretData) -> Self {
        Self { spec, versioned: None, retentions: Vec::new(), bad: Vec::new(), secret }
    }
}
