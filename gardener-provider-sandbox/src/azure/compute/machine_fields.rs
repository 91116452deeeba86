//! The properties of a virtual machine.

use crate::azure::arm::shape::{
    Field, Shape, any, flag, link, list, number, object, properties, shown, text, texts,
};

const MANAGED_DISK: &[Field] = &[
    text("id"),
    text("storageAccountType"),
    any("diskEncryptionSet"),
    object(
        "securityProfile",
        &[
            text("securityEncryptionType").one_of(&[
                "VMGuestStateOnly",
                "DiskWithVMGuestState",
                "NonPersistedTPM",
            ]),
            any("diskEncryptionSet"),
        ],
    ),
];

const CACHING: &[&str] = &["None", "ReadOnly", "ReadWrite"];
const DELETE_OPTIONS: &[&str] = &["Delete", "Detach"];

const OS_DISK: &[Field] = &[
    text("osType").one_of(&["Windows", "Linux"]),
    any("encryptionSettings"),
    text("name").fixed(),
    any("vhd"),
    any("image"),
    text("caching").one_of(CACHING),
    flag("writeAcceleratorEnabled"),
    any("diffDiskSettings"),
    text("createOption").required().one_of(&["FromImage", "Empty", "Attach", "Copy", "Restore"]).fixed(),
    number("diskSizeGB"),
    object("managedDisk", MANAGED_DISK),
    text("deleteOption").one_of(DELETE_OPTIONS),
];

const DATA_DISK: Shape = Shape::Object(&[
    number("lun").required(),
    text("name"),
    any("vhd"),
    any("image"),
    text("caching").one_of(CACHING),
    flag("writeAcceleratorEnabled"),
    text("createOption").required().one_of(&["FromImage", "Empty", "Attach", "Copy", "Restore"]),
    number("diskSizeGB"),
    object("managedDisk", MANAGED_DISK),
    any("sourceResource"),
    flag("toBeDetached"),
    shown("diskIOPSReadWrite"),
    shown("diskMBpsReadWrite"),
    text("detachOption").one_of(&["ForceDetach"]),
    text("deleteOption").one_of(DELETE_OPTIONS),
]);

const INTERFACE: Shape = Shape::Object(&[
    text("id").required(),
    properties(&[flag("primary"), text("deleteOption").one_of(DELETE_OPTIONS)]),
]);

const OS_PROFILE: &[Field] = &[
    text("computerName").fixed(),
    text("adminUsername").fixed(),
    text("adminPassword").secret().fixed(),
    text("customData").secret().fixed(),
    any("windowsConfiguration"),
    object(
        "linuxConfiguration",
        &[
            flag("disablePasswordAuthentication").fixed(),
            object("ssh", &[list("publicKeys", &Shape::Object(&[text("path"), text("keyData")])).fixed()]),
            flag("provisionVMAgent"),
            any("patchSettings"),
            flag("enableVMAgentPlatformUpdates"),
        ],
    ),
    any("secrets"),
    flag("allowExtensionOperations"),
    flag("requireGuestProvisionSignal"),
];

pub(super) const FIELDS: &[Field] = &[
    text("location"),
    any("tags"),
    object("plan", &[text("name"), text("publisher"), text("product"), text("promotionCode")]).fixed(),
    object(
        "identity",
        &[
            shown("principalId"),
            shown("tenantId"),
            text("type").one_of(&["SystemAssigned", "UserAssigned", "SystemAssigned, UserAssigned", "None"]),
            any("userAssignedIdentities"),
        ],
    ),
    texts("zones").fixed(),
    any("placement"),
    properties(&[
        object("hardwareProfile", &[text("vmSize"), any("vmSizeProperties")]),
        any("scheduledEventsPolicy"),
        object(
            "storageProfile",
            &[
                object(
                    "imageReference",
                    &[
                        text("id"),
                        text("publisher"),
                        text("offer"),
                        text("sku"),
                        text("version"),
                        shown("exactVersion"),
                        text("sharedGalleryImageId"),
                        text("communityGalleryImageId"),
                    ],
                )
                .fixed(),
                object("osDisk", OS_DISK),
                list("dataDisks", &DATA_DISK),
                text("diskControllerType").one_of(&["SCSI", "NVMe"]),
                flag("alignRegionalDisksToVMZone"),
            ],
        ),
        object(
            "additionalCapabilities",
            &[flag("ultraSSDEnabled"), flag("hibernationEnabled"), flag("enableFips1403Encryption")],
        ),
        object("osProfile", OS_PROFILE),
        object(
            "networkProfile",
            &[
                list("networkInterfaces", &INTERFACE),
                text("networkApiVersion"),
                any("networkInterfaceConfigurations"),
            ],
        ),
        object(
            "securityProfile",
            &[
                object("uefiSettings", &[flag("secureBootEnabled"), flag("vTpmEnabled")]),
                flag("encryptionAtHost"),
                text("securityType").one_of(&["TrustedLaunch", "ConfidentialVM", "Standard"]).fixed(),
                any("encryptionIdentity"),
                any("proxyAgentSettings"),
            ],
        ),
        object("diagnosticsProfile", &[object("bootDiagnostics", &[flag("enabled"), text("storageUri")])]),
        link("availabilitySet").fixed(),
        link("virtualMachineScaleSet").fixed(),
        link("proximityPlacementGroup"),
        text("priority").one_of(&["Regular", "Low", "Spot"]).fixed(),
        text("evictionPolicy").one_of(&["Deallocate", "Delete"]),
        any("billingProfile"),
        link("host"),
        link("hostGroup"),
        shown("provisioningState"),
        shown("instanceView"),
        text("licenseType"),
        shown("vmId"),
        text("extensionsTimeBudget"),
        number("platformFaultDomain"),
        any("scheduledEventsProfile"),
        text("userData").secret(),
        object("capacityReservation", &[link("capacityReservationGroup")]),
        any("applicationProfile"),
        shown("timeCreated"),
    ])
    .required(),
];
