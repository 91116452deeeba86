//! As much of EC2 as the machine lifecycle needs, with its nasty sides: tokens that stay with dead instances, lists that
//! lag, replies that get lost.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt::Write as _,
    sync::Mutex,
};

use async_trait::async_trait;
use bytes::Bytes;
use gardener_provider_client::transport::{Request, Response, Transport, TransportError, TransportErrorKind};

pub(super) type Form = BTreeMap<String, String>;

#[derive(Clone, Default)]
pub(super) struct Vm {
    pub(super) id: String,
    pub(super) state: &'static str,
    pub(super) reason: String,
    pub(super) tags: Form,
    pub(super) token: String,
    pub(super) source_dest_check: bool,
    pub(super) efa: bool,
    pub(super) prefixes: usize,
    pub(super) has_dns: bool,
    /// Lists that do not show it yet.
    pub(super) hidden: u32,
}

#[derive(Clone, Default)]
pub(super) struct Part {
    pub(super) id: String,
    pub(super) status: &'static str,
    pub(super) instance: Option<String>,
    pub(super) tags: Form,
}

/// What happens to a call.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    Refuse(&'static str),
    LoseReply,
}

#[derive(Default)]
pub(super) struct World {
    pub(super) vms: Vec<Vm>,
    pub(super) volumes: Vec<Part>,
    pub(super) interfaces: Vec<Part>,
    /// The forms of the calls that used a token.
    pub(super) tokens: BTreeMap<String, (String, Form)>,
    pub(super) calls: Vec<Form>,
    pub(super) faults: VecDeque<(&'static str, Fault)>,
    /// For how many lists a new instance is hidden.
    pub(super) lag: u32,
    /// A token of a terminated instance is refused; else the terminated instance is the answer.
    pub(super) tells_terminated: bool,
    /// For how many lists assigned prefixes do not show.
    pub(super) stale_prefixes: u32,
    /// The state that new instances come up in, if not `running`.
    pub(super) stillborn: Option<&'static str>,
}

#[derive(Default)]
pub(super) struct Ec2(pub(super) Mutex<World>);

impl std::fmt::Debug for Ec2 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ec2")
    }
}

type Reply = Result<String, (String, String)>;

fn refuse(code: &str, message: impl Into<String>) -> Reply {
    Err((code.to_owned(), message.into()))
}

impl World {
    pub(super) fn count(&self, action: &str) -> usize {
        self.calls.iter().filter(|form| form["Action"] == action).count()
    }

    pub(super) fn alive(&self) -> Vec<&Vm> {
        self.vms.iter().filter(|vm| vm.state != "terminated" && vm.state != "shutting-down").collect()
    }

    fn answer(&mut self, form: &Form) -> Reply {
        match form["Action"].as_str() {
            "DescribeImages" => Ok(format!(
                "<imagesSet><item><imageId>{}</imageId><rootDeviceName>/dev/xvda</rootDeviceName></item></imagesSet>",
                form["Filter.1.Value.1"]
            )),
            "RunInstances" => self.run(form),
            "DescribeInstances" => Ok(self.describe(form)),
            "TerminateInstances" => self.terminate(form),
            "ModifyNetworkInterfaceAttribute" => {
                self.vm_of(form).source_dest_check = form["SourceDestCheck.Value"] == "true";
                Ok(String::new())
            }
            "AssignIpv6Addresses" => {
                self.vm_of(form).prefixes += form["Ipv6PrefixCount"].parse::<usize>().unwrap();
                Ok(String::new())
            }
            "DescribeVolumes" => Ok(describe_parts("volume", &self.volumes, form)),
            "DescribeNetworkInterfaces" => Ok(describe_parts("networkInterface", &self.interfaces, form)),
            "DeleteVolume" => delete_part(&mut self.volumes, &form["VolumeId"]),
            "DeleteNetworkInterface" => delete_part(&mut self.interfaces, &form["NetworkInterfaceId"]),
            action => panic!("the fake does not know {action}"),
        }
    }

    fn vm_of(&mut self, form: &Form) -> &mut Vm {
        let id = form["NetworkInterfaceId"].replace("eni-", "i-");
        self.vms.iter_mut().find(|vm| vm.id == id).unwrap()
    }

    fn run(&mut self, form: &Form) -> Reply {
        let token = &form["ClientToken"];
        if let Some((id, first)) = self.tokens.get(token) {
            if first != form {
                return refuse("IdempotentParameterMismatch", "other parameters");
            }
            let vm = self.vms.iter().find(|vm| vm.id == *id).unwrap();
            if vm.state == "terminated" && self.tells_terminated {
                return refuse("IdempotentInstanceTerminated", "the instance of this token is gone");
            }
            return Ok(format!("<instancesSet>{}</instancesSet>", vm_xml(vm)));
        }
        let vm = Vm {
            id: format!("i-{:04x}", self.vms.len() + 1),
            state: self.stillborn.take().unwrap_or("running"),
            reason: "Server.InsufficientInstanceCapacity".to_owned(),
            tags: tags(form, "TagSpecification.1.Tag"),
            token: token.clone(),
            source_dest_check: true,
            efa: form.get("NetworkInterface.1.InterfaceType").is_some_and(|kind| kind.starts_with("efa")),
            has_dns: true,
            hidden: self.lag,
            prefixes: 0,
        };
        self.tokens.insert(token.clone(), (vm.id.clone(), form.clone()));
        let mut pending = vm.clone();
        pending.state = "pending";
        self.vms.push(vm);
        Ok(format!("<instancesSet>{}</instancesSet>", vm_xml(&pending)))
    }

    fn describe(&mut self, form: &Form) -> String {
        let filters = filters(form);
        let mut items = String::new();
        for vm in &mut self.vms {
            if vm.hidden > 0 {
                vm.hidden -= 1;
                continue;
            }
            let matches = filters.iter().all(|(name, values)| match name.as_str() {
                "instance-id" => values.contains(&vm.id),
                "instance-state-name" => values.iter().any(|state| state == vm.state),
                _ => has_tag(&vm.tags, name, values),
            });
            if matches {
                let mut vm = vm.clone();
                if self.stale_prefixes > 0 && vm.prefixes > 0 {
                    self.stale_prefixes -= 1;
                    vm.prefixes = 0;
                }
                let _ = write!(items, "<item><instancesSet>{}</instancesSet></item>", vm_xml(&vm));
            }
        }
        let page = form.get("NextToken").map_or(0, |token| token.parse::<usize>().unwrap());
        assert_eq!((page, &*form["MaxResults"]), (0, "1000"));
        self.vms.iter_mut().filter(|vm| vm.state == "shutting-down").for_each(|vm| vm.state = "terminated");
        format!("<reservationSet>{items}</reservationSet>")
    }

    fn terminate(&mut self, form: &Form) -> Reply {
        let ids: Vec<_> = numbered(form, "InstanceId").collect();
        let is_known = |id: &String| self.vms.iter().any(|vm| vm.id == *id);
        let unknown: Vec<_> = ids.iter().filter(|id| !is_known(id)).cloned().collect();
        if !unknown.is_empty() {
            return refuse(
                "InvalidInstanceID.NotFound",
                format!("The instance IDs '{}' do not exist", unknown.join(", ")),
            );
        }
        for vm in self.vms.iter_mut().filter(|vm| ids.contains(&vm.id) && vm.state != "terminated") {
            vm.state = "shutting-down";
        }
        Ok(String::new())
    }
}

fn vm_xml(vm: &Vm) -> String {
    let mut xml = format!(
        "<item><instanceId>{0}</instanceId><instanceState><name>{1}</name></instanceState>\
         <stateReason><code>{2}</code><message>because</message></stateReason><clientToken>{3}</clientToken>\
         <privateIpAddress>10.0.0.1</privateIpAddress><privateDnsName>{4}</privateDnsName>\
         <networkInterfaceSet><item><networkInterfaceId>{5}</networkInterfaceId><interfaceType>{6}</interfaceType>\
         <sourceDestCheck>{7}</sourceDestCheck><attachment><deviceIndex>0</deviceIndex></attachment><ipv6PrefixSet>{8}\
         </ipv6PrefixSet></item></networkInterfaceSet><tagSet>",
        vm.id,
        vm.state,
        vm.reason,
        vm.token,
        if vm.has_dns { format!("ip-{}.internal", vm.id) } else { String::new() },
        vm.id.replace("i-", "eni-"),
        if vm.efa { "efa" } else { "interface" },
        vm.source_dest_check,
        "<item><ipv6Prefix>2a05::/80</ipv6Prefix></item>".repeat(vm.prefixes),
    );
    tag_xml(&mut xml, &vm.tags);
    xml + "</tagSet></item>"
}

fn tag_xml(xml: &mut String, tags: &Form) {
    for (key, value) in tags {
        let _ = write!(xml, "<item><key>{key}</key><value>{value}</value></item>");
    }
}

fn describe_parts(kind: &str, parts: &[Part], form: &Form) -> String {
    let filters = filters(form);
    let mut xml = format!("<{kind}Set>");
    let matching = |part: &&Part| filters.iter().all(|(name, values)| has_tag(&part.tags, name, values));
    for part in parts.iter().filter(matching) {
        let at = part.instance.as_ref().map_or(String::new(), |id| format!("<instanceId>{id}</instanceId>"));
        let attached = match kind {
            "volume" => format!("<attachmentSet><item>{at}</item></attachmentSet>"),
            _ => format!("<attachment>{at}</attachment>"),
        };
        let (id, status) = (&part.id, part.status);
        let _ = write!(xml, "<item><{kind}Id>{id}</{kind}Id><status>{status}</status>{attached}<tagSet>");
        tag_xml(&mut xml, &part.tags);
        xml.push_str("</tagSet></item>");
    }
    format!("{xml}</{kind}Set>")
}

fn delete_part(parts: &mut Vec<Part>, id: &str) -> Reply {
    let before = parts.len();
    parts.retain(|part| part.id != id);
    if parts.len() == before { refuse("InvalidVolume.NotFound", id) } else { Ok(String::new()) }
}

fn numbered<'a>(form: &'a Form, key: &'a str) -> impl Iterator<Item = String> + 'a {
    (1..).map_while(move |n| form.get(&format!("{key}.{n}")).cloned())
}

fn tags(form: &Form, key: &str) -> Form {
    let pairs = (1..).map_while(|n| {
        Some((form.get(&format!("{key}.{n}.Key"))?.clone(), form[&format!("{key}.{n}.Value")].clone()))
    });
    pairs.collect()
}

fn filters(form: &Form) -> Vec<(String, Vec<String>)> {
    let filter = |n| {
        let name = form.get(&format!("Filter.{n}.Name"))?;
        Some((name.clone(), numbered(form, &format!("Filter.{n}.Value")).collect()))
    };
    (1..).map_while(filter).collect()
}

fn has_tag(tags: &Form, filter: &str, values: &[String]) -> bool {
    if let Some(key) = filter.strip_prefix("tag:") {
        return tags.get(key).is_some_and(|value| values.contains(value));
    }
    assert_eq!(filter, "tag-key");
    values.iter().any(|key| tags.contains_key(key))
}

#[async_trait]
impl Transport for Ec2 {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        // As on a network, a reply comes after others had a chance to send.
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        let form: Form = url::form_urlencoded::parse(request.body()).into_owned().collect();
        let mut world = self.0.lock().unwrap();
        world.calls.push(form.clone());
        let fault = world.faults.iter().position(|(action, _)| *action == form["Action"]);
        let fault = fault.and_then(|index| world.faults.remove(index)).map(|(_, fault)| fault);
        let reply = match fault {
            Some(Fault::Refuse(code)) => refuse(code, "as the test wants it"),
            _ => world.answer(&form),
        };
        if let Some(Fault::LoseReply) = fault {
            return Err(TransportError::new(TransportErrorKind::Broken, "lost"));
        }
        let (status, body) = match reply {
            Ok(body) => (200, format!("<Reply>{body}</Reply>")),
            Err((code, message)) => (
                400,
                format!(
                    "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>\
                     <RequestID>r</RequestID></Response>"
                ),
            ),
        };
        Ok(Response::builder().status(status).body(Bytes::from(body)).unwrap())
    }
}
