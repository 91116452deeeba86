//! Images, by name and by family.

use serde_json::{Value, json};

use super::{
    catalog::project_number,
    kind::Kind,
    links::{Key, Link, Scope},
    lists, no_such_method,
    target::{Target, What},
};
use crate::gcp::{
    context::Context,
    error::{GcpError, Reply},
    options::Image,
    query::Query,
};

/// True for projects that only have images.
pub(super) fn is_catalog_project(context: &Context<'_>, project: &str) -> bool {
    context.options().images.iter().any(|image| image.project == project)
}

/// Answers a call to a project of images, or one for the newest image of a family.
pub(super) fn answer(context: &Context<'_>, target: &Target, query: &Query) -> Reply {
    let project = &target.project;
    match (&target.what, target.verb()) {
        (What::Collection(Kind::Image), "GET") => {
            let place = format!("projects/{project}/global/images");
            lists::page(context, query, &place, "compute#imageList", of_project(context, project))
        }
        (What::Resource(key), "GET") if key.kind == Kind::Image => of_project(context, project)
            .into_iter()
            .find(|image| image["name"] == key.name.as_str())
            .ok_or_else(|| GcpError::not_found(&key.path(project))),
        (What::ImageFamily(family), "GET") => of_project(context, project)
            .into_iter()
            .rfind(|image| image["family"] == family.as_str())
            .ok_or_else(|| {
                let family: String = family.chars().take(100).collect();
                GcpError::not_found(&format!("projects/{project}/global/images/family/{family}"))
            }),
        (_, "GET") => Err(no_such_method()),
        _ => {
            let problem = format!("Required permission is missing for project '{project}'.");
            Err(GcpError::new(403, "forbidden", problem))
        }
    }
}

/// The image that a field of a request names.
pub(super) fn find<'a>(context: &'a Context<'_>, project: &str, text: &str) -> Option<&'a Image> {
    let link = Link::parse(text, project).filter(|link| link.key.kind == Kind::Image)?;
    let mut images = context.options().images.iter().filter(|image| image.project == link.project);
    if link.family {
        images.rfind(|image| image.family == link.key.name)
    } else {
        images.find(|image| image.name == link.key.name)
    }
}

/// The URL of an image.
pub(super) fn url_of(image: &Image) -> String {
    Key::new(Kind::Image, Scope::Global, image.name.clone()).url(&image.project)
}

/// All images of a project.
pub(super) fn of_project(context: &Context<'_>, project: &str) -> Vec<Value> {
    let images = context.options().images.iter().filter(|image| image.project == project);
    images
        .enumerate()
        .map(|(index, image)| {
            json!({
                "kind": "compute#image",
                "id": project_number(&url_of(image)).to_string(),
                "name": image.name,
                "family": image.family,
                "architecture": image.architecture,
                "diskSizeGb": image.disk_size_gb.to_string(),
                "archiveSizeBytes": (image.disk_size_gb << 27).to_string(),
                "creationTimestamp": format!("2026-01-01T00:{:02}:00.000-08:00", index % 60),
                "status": "READY",
                "sourceType": "RAW",
                "rawDisk": { "containerType": "TAR", "source": "" },
                "guestOsFeatures": [{ "type": "UEFI_COMPATIBLE" }, { "type": "GVNIC" }],
                "storageLocations": ["us"],
                "selfLink": url_of(image),
            })
        })
        .collect()
}
