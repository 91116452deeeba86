//! Images of the marketplace: what has to be bought with them, and whose terms have to be accepted.

use gardener_provider_core::{Error, ErrorKind, Result};

use super::{Job, blueprint::image_of_disk};
use crate::{
    api::{
        disks::ImageDiskReference,
        images::{self, Urn},
        marketplace,
        virtual_machines::Plan,
    },
    provider_spec::Image,
};

/// What was found out about an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Offer {
    /// The id of the image.
    pub(super) id: String,
    /// What has to be bought with it.
    pub(super) plan: Option<Plan>,
}

impl Job<'_> {
    /// What has to be bought with the machine's image, its terms accepted. None if there is nothing to buy, or if the class
    /// says that the marketplace is not to be asked.
    pub(super) async fn plan(&self) -> Result<Option<Plan>> {
        let image = &self.spec.properties.storage_profile.image_reference;
        match image.urn().filter(|_| !image.skip_marketplace_agreement) {
            Some(urn) => Ok(self.offer(&urn, "imageReference", true).await?.plan),
            None => Ok(None),
        }
    }

    /// The image that a data disk begins as.
    pub(super) async fn source(&self, index: usize, image: &Image) -> Result<ImageDiskReference> {
        let mut source = image_of_disk(image);
        if let Some(urn) = image.urn() {
            source.id = Some(self.offer(&urn, &format!("dataDisks[{index}].imageRef"), false).await?.id);
        }
        Ok(source)
    }

    /// Asked for once, as an image never changes and accepted terms stay accepted.
    async fn offer(&self, urn: &Urn, field: &str, accept: bool) -> Result<Offer> {
        let fleet = self.session.fleet();
        if let Some(known) = fleet.offer(&self.spec.location, urn) {
            return Ok(known);
        }
        let field = format!("providerSpec.properties.storageProfile.{field}.urn");
        let offer = self.look_up(urn, &field).await?;
        if let (Some(plan), true) = (&offer.plan, accept) {
            self.accept(plan, &field).await?;
        }
        // Without its terms accepted it is only half known.
        if accept || offer.plan.is_none() {
            fleet.remember_offer(&self.spec.location, urn, &offer);
        }
        Ok(offer)
    }

    async fn look_up(&self, urn: &Urn, field: &str) -> Result<Offer> {
        let (subscription, location) = (self.session.subscription(), &self.spec.location);
        let missing = || Error::invalid(field, format!("{urn} is not offered in {location}"));
        let mut urn = urn.clone();
        if urn.version.eq_ignore_ascii_case("latest") {
            let newest = self.session.find(&images::latest(subscription, location, &urn)).await?;
            let newest = newest.and_then(|images| images.into_iter().next());
            urn.version = newest.ok_or_else(missing)?.name;
        }
        let found = self.session.find(&images::get(subscription, location, &urn)).await?;
        let image = found.ok_or_else(missing)?;
        Ok(Offer { id: image.id, plan: image.properties.plan })
    }

    async fn accept(&self, plan: &Plan, field: &str) -> Result<()> {
        let subscription = self.session.subscription();
        let terms = self.session.find(&marketplace::get(subscription, plan)).await?;
        let Some(terms) = terms else {
            let Plan { name, product, publisher } = plan;
            let problem = format!("the marketplace has no terms for plan {name} of {publisher}'s {product}");
            return Err(Error::invalid(field, problem));
        };
        if terms.is_accepted() {
            return Ok(());
        }
        let accepted = self.session.run(&marketplace::create(subscription, plan, &terms.accepted())).await?;
        if accepted.is_accepted() {
            return Ok(());
        }
        let message = format!("the terms of plan {} were accepted, and yet they are not", plan.name);
        Err(Error::new(ErrorKind::FailedPrecondition, message))
    }
}
