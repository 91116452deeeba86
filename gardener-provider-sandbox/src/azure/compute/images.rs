//! Images: of the marketplace, of one's own, of community and shared galleries.

use serde_json::{Value, json};

use crate::azure::{
    arm::{
        Arm,
        draft::Draft,
        id::ResourceId,
        kind::{Kind, Style},
        shape::{Field, Tone, any, flag, link, properties, shown, text},
    },
    error::{Answer, ArmError},
    options::{Image, VmSize},
};

const FIELDS: &[Field] = &[
    text("location"),
    any("tags"),
    any("extendedLocation"),
    properties(&[
        link("sourceVirtualMachine"),
        any("storageProfile"),
        shown("provisioningState"),
        text("hyperVGeneration").one_of(&["V1", "V2"]),
    ])
    .required(),
];

const GALLERY_FIELDS: &[Field] = &[
    text("location"),
    any("tags"),
    any("identity"),
    properties(&[
        text("description"),
        shown("identifier"),
        shown("provisioningState"),
        any("sharingProfile"),
        any("softDeletePolicy"),
        shown("sharingStatus"),
    ]),
];

const GALLERY_IMAGE_FIELDS: &[Field] = &[
    text("location"),
    any("tags"),
    properties(&[
        text("description"),
        text("osType").required(),
        text("osState").required(),
        text("hyperVGeneration"),
        text("architecture"),
        any("identifier").required(),
        any("recommended"),
        any("disallowed"),
        any("purchasePlan"),
        any("features"),
        text("eula"),
        text("privacyStatementUri"),
        text("releaseNoteUri"),
        text("endOfLifeDate"),
        flag("allowUpdateImage"),
        shown("provisioningState"),
    ])
    .required(),
];

const VERSION_FIELDS: &[Field] = &[
    text("location"),
    any("tags"),
    properties(&[
        any("publishingProfile"),
        any("storageProfile").required(),
        any("safetyProfile"),
        any("securityProfile"),
        any("restore"),
        shown("replicationStatus"),
        shown("validationsProfile"),
        shown("provisioningState"),
    ])
    .required(),
];

pub(super) static IMAGE: Kind = Kind {
    tone: Tone::Compute,
    style: Style::Prompt,
    list: "ListByResourceGroup",
    list_all: "List",
    update: "Update",
    etag: false,
    ..Kind::new("Microsoft.Compute/images", "Images", FIELDS)
};

pub(super) static GALLERY: Kind = Kind {
    tone: Tone::Compute,
    style: Style::Prompt,
    list: "ListByResourceGroup",
    list_all: "List",
    update: "Update",
    etag: false,
    ..Kind::new("Microsoft.Compute/galleries", "Galleries", GALLERY_FIELDS)
};

pub(super) static GALLERY_IMAGE: Kind = Kind {
    tone: Tone::Compute,
    style: Style::Prompt,
    list: "ListByGallery",
    update: "Update",
    etag: false,
    ..Kind::new("Microsoft.Compute/galleries/images", "GalleryImages", GALLERY_IMAGE_FIELDS)
};

pub(super) static GALLERY_VERSION: Kind = Kind {
    tone: Tone::Compute,
    style: Style::Prompt,
    list: "ListByGalleryImage",
    update: "Update",
    etag: false,
    ..Kind::new("Microsoft.Compute/galleries/images/versions", "GalleryImageVersions", VERSION_FIELDS)
};

/// What a machine learns of its image.
#[derive(Debug, Clone)]
pub(super) struct Resolved {
    pub(super) disk_size: u32,
    pub(super) os_type: &'static str,
    pub(super) exact_version: Option<String>,
}

/// Finds the image that a machine is made of; a machine that exists keeps what it has.
pub(super) fn resolve(arm: &Arm<'_>, draft: &Draft, size: &VmSize) -> Answer<Option<Resolved>> {
    if draft.text("properties/storageProfile/osDisk/createOption") != Some("FromImage") {
        return Ok(None);
    }
    let Some(reference) = draft.get("properties/storageProfile/imageReference") else {
        let message = "Required parameter 'imageReference' is missing (null).";
        return Err(ArmError::parameter("imageReference", message));
    };
    let given = |name: &str| reference.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let ways = ["id", "publisher", "sharedGalleryImageId", "communityGalleryImageId"];
    if ways.iter().filter(|way| given(way).is_some()).count() != 1 {
        let message = "Exactly one of id, publisher with offer, sku and version, sharedGalleryImageId and \
                       communityGalleryImageId must be given.";
        return Err(ArmError::parameter("imageReference", message));
    }
    if let Some(publisher) = given("publisher") {
        let parts = [
            publisher,
            given("offer").unwrap_or_default(),
            given("sku").unwrap_or_default(),
            given("version").unwrap_or_default(),
        ];
        return of_marketplace(arm, draft, size, parts).map(Some);
    }
    if let Some(id) = given("id") {
        check_own_image(arm, draft, id)?;
    } else if let Some(id) = given("communityGalleryImageId").or(given("sharedGalleryImageId")) {
        check_gallery_id(id)?;
    }
    Ok(Some(Resolved { disk_size: 30, os_type: "Linux", exact_version: None }))
}

fn of_marketplace(arm: &Arm<'_>, draft: &Draft, size: &VmSize, parts: [&str; 4]) -> Answer<Resolved> {
    let [publisher, offer, sku, version] = parts;
    let image = find(arm, parts).ok_or_else(|| {
        let message = format!(
            "The platform image '{publisher}:{offer}:{sku}:{version}' is not available. Verify that all fields in the storage \
             profile are correct. For more details about storage profile information, please refer to https://aka.ms/storageprofile"
        );
        ArmError::missing("PlatformImageNotFound", message).at("imageReference")
    })?;
    if image.architecture != size.architecture {
        let message = format!(
            "Cannot create a VM of size '{}' because this VM size only supports a CPU Architecture of '{}', but an image or disk \
             with CPU Architecture '{}' was given. Please check that the CPU Architecture of the image or disk is compatible \
             with that of the VM size.",
            size.name, size.architecture, image.architecture
        );
        return Err(ArmError::bad("BadRequest", message));
    }
    if draft.text("properties/storageProfile/diskControllerType") == Some("NVMe")
        && !image.disk_controllers.iter().any(|controller| controller.eq_ignore_ascii_case("NVMe"))
    {
        let message = "The disk controller type 'NVMe' is not supported by the image.";
        return Err(ArmError::parameter("diskControllerType", message));
    }
    check_plan(arm, draft, image)?;
    let latest = version.eq_ignore_ascii_case("latest").then(|| image.version.clone());
    Ok(Resolved {
        disk_size: image.disk_size,
        os_type: "Linux",
        exact_version: Some(latest.unwrap_or_else(|| image.version.clone())),
    })
}

/// An image that is sold with a plan wants the plan named and its terms accepted.
fn check_plan(arm: &Arm<'_>, draft: &Draft, image: &Image) -> Answer<()> {
    let plan = |name: &str| draft.text(&format!("plan/{name}")).unwrap_or_default();
    if !image.has_plan {
        if draft.body.contains_key("plan") {
            let message = "Plan information is not allowed for this image.";
            return Err(ArmError::bad("VMMarketplaceInvalidInput", message));
        }
        return Ok(());
    }
    let named = plan("name").eq_ignore_ascii_case(&image.sku)
        && plan("publisher").eq_ignore_ascii_case(&image.publisher)
        && plan("product").eq_ignore_ascii_case(&image.offer);
    if !named {
        let message = format!(
            "Creating a virtual machine from Marketplace image or a custom image sourced from a Marketplace image requires Plan \
             information in the request. VM: '{}'.",
            draft.id
        );
        return Err(ArmError::bad("VMMarketplaceInvalidInput", message));
    }
    if draft.old.is_none()
        && !arm.terms_accepted(&draft.id.subscription, &image.publisher, &image.offer, &image.sku)
    {
        let message = format!(
            "User failed validation to purchase resources. Error message: 'You have not accepted the legal terms on this \
             subscription: '{}' for this plan. Before the subscription can be used, you need to accept the legal terms of the \
             image.'",
            draft.id.subscription
        );
        return Err(ArmError::bad("MarketplacePurchaseEligibilityFailed", message));
    }
    Ok(())
}

/// A marketplace image; `latest` is the highest version.
pub(super) fn find<'a>(arm: &'a Arm<'_>, [publisher, offer, sku, version]: [&str; 4]) -> Option<&'a Image> {
    let fits = |image: &&Image| {
        image.publisher.eq_ignore_ascii_case(publisher)
            && image.offer.eq_ignore_ascii_case(offer)
            && image.sku.eq_ignore_ascii_case(sku)
            && (image.version == version || version.eq_ignore_ascii_case("latest"))
    };
    arm.context.options().images.iter().filter(fits).max_by_key(|image| number(&image.version))
}

/// Versions compare by their numbers.
pub(super) fn number(version: &str) -> Vec<u64> {
    version.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}

fn check_own_image(arm: &Arm<'_>, draft: &Draft, id: &str) -> Answer<()> {
    let missing = || {
        ArmError::missing("NotFound", format!("The image '{id}' referenced by {} was not found.", draft.id))
            .at("imageReference")
    };
    let parsed = ResourceId::parse(id);
    let kinds = [&IMAGE, &GALLERY_IMAGE, &GALLERY_VERSION];
    let Some(parsed) = parsed.filter(|parsed| kinds.iter().any(|kind| kind.is(&parsed.kind()))) else {
        let message = format!("Id '{id}' is not a valid resource reference.");
        return Err(ArmError::parameter("imageReference.id", message));
    };
    let known =
        arm.context.options().subscriptions.iter().any(|one| one.eq_ignore_ascii_case(&parsed.subscription));
    // Galleries of other subscriptions cannot be looked into.
    if known && arm.state.store.get(&parsed.key()).is_none() { Err(missing()) } else { Ok(()) }
}

/// `/CommunityGalleries/G/Images/I/Versions/V` and `/SharedGalleries/…`; the version is optional.
fn check_gallery_id(id: &str) -> Answer<()> {
    let parts: Vec<&str> = id.split('/').collect();
    let good = match parts.as_slice() {
        ["", galleries, gallery, images, image, rest @ ..] => {
            ["communitygalleries", "sharedgalleries"].contains(&galleries.to_ascii_lowercase().as_str())
                && images.eq_ignore_ascii_case("images")
                && !gallery.is_empty()
                && !image.is_empty()
                && matches!(rest, [] | [_, _])
        }
        _ => false,
    };
    if good {
        return Ok(());
    }
    Err(ArmError::parameter("imageReference", format!("'{id}' is no id of a gallery image.")))
}

/// The size of the image that a disk is made of, in GiB.
pub(super) fn of_disk(arm: &Arm<'_>, draft: &Draft) -> Answer<Option<u64>> {
    if draft.text("properties/creationData/createOption") != Some("FromImage") {
        return Ok(None);
    }
    let ids = [
        "imageReference/id",
        "galleryImageReference/id",
        "galleryImageReference/communityGalleryImageId",
        "galleryImageReference/sharedGalleryImageId",
        "imageReference/communityGalleryImageId",
        "imageReference/sharedGalleryImageId",
    ];
    let id = ids.iter().find_map(|way| draft.text(&format!("properties/creationData/{way}")));
    let Some(id) = id else {
        let message = "Required parameter 'disk.creationData.imageReference' is missing (null).";
        return Err(ArmError::parameter("disk.creationData.imageReference", message));
    };
    let parts: Vec<&str> = id.split('/').collect();
    let platform =
        parts.iter().position(|part| part.eq_ignore_ascii_case("Publishers")).map(|at| &parts[at..]);
    if let Some([_, publisher, _, _, _, offer, _, sku, _, version]) = platform {
        let missing = || {
            let message =
                format!("The platform image '{publisher}:{offer}:{sku}:{version}' is not available.");
            ArmError::missing("PlatformImageNotFound", message).at("imageReference")
        };
        return find(arm, [publisher, offer, sku, version])
            .map(|image| Some(image.disk_size.into()))
            .ok_or_else(missing);
    }
    if id.starts_with("/subscriptions/") {
        check_own_image(arm, draft, id)?;
    } else {
        check_gallery_id(id)?;
    }
    Ok(Some(30))
}

/// The id of the image in a disk's creation data.
pub(super) fn reference_id(machine: &ResourceId, location: &str, reference: &Value) -> Value {
    let given = |name: &str| reference.get(name).and_then(Value::as_str);
    for name in ["id", "communityGalleryImageId", "sharedGalleryImageId"] {
        if let Some(id) = given(name) {
            return json!(id);
        }
    }
    let version = given("exactVersion").or(given("version")).unwrap_or_default();
    json!(format!(
        "/Subscriptions/{}/Providers/Microsoft.Compute/Locations/{location}/Publishers/{}/ArtifactTypes/VMImage/Offers/{}/Skus/{}/\
         Versions/{version}",
        machine.subscription,
        given("publisher").unwrap_or_default(),
        given("offer").unwrap_or_default(),
        given("sku").unwrap_or_default(),
    ))
}
