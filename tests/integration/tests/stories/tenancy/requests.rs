//! Requests made from the descriptors: every field has a value by its name, and every id-like field can be aimed.

use std::collections::BTreeMap;

use anyhow::Context;
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

/// Whose object a field names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aim {
    /// The caller's own.
    Own,
    /// The other client's: tickets by reference.
    Foreign,
    /// The other client's: tickets by ticket_id.
    ForeignId,
    /// Nobody's, in the form of [`Aim::Foreign`].
    Missing,
    /// Nobody's, but of a client that exists: GLOBEX-999999.
    MissingNumber,
    /// Nobody's, in the form of [`Aim::ForeignId`].
    MissingId,
}

/// What names an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Named {
    Client,
    Ticket,
    /// Another ticket than the one that the request is about.
    OtherTicket,
    /// Tickets that look like one problem.
    Proposal,
    /// A run of a runbook.
    Run,
    /// By an address.
    Person,
    /// A file on ACME-1001.
    Attachment,
    Article,
    ArticleKey,
    /// A list that somebody keeps.
    View,
    RequestId,
    DeadLetter,
    ExternalRef,
    Email,
    Queue,
    Owner,
}

/// The field names that name objects. A reference_prefix names none: it is unique in the installation, as file names
/// are, and whoever asks for one that is taken learns just that.
const NAMES: &[(&str, Named)] = &[
    ("client_id", Named::Client),
    ("client_ids", Named::Client),
    ("ticket", Named::Ticket),
    ("tickets", Named::Ticket),
    ("view_id", Named::View),
    ("watcher", Named::Owner),
    ("duplicate_of", Named::OtherTicket),
    ("other_ticket", Named::OtherTicket),
    ("child_tickets", Named::OtherTicket),
    ("proposal_id", Named::Proposal),
    ("run_id", Named::Run),
    ("person", Named::Person),
    ("into", Named::Person),
    ("attachment_id", Named::Attachment),
    ("article_id", Named::Article),
    ("article_key", Named::ArticleKey),
    ("request_id", Named::RequestId),
    ("dead_letter_ids", Named::DeadLetter),
    ("external_ref", Named::ExternalRef),
    ("dedup_key", Named::ExternalRef),
    ("requester_email", Named::Email),
    ("email", Named::Email),
    ("queue", Named::Queue),
    ("queues", Named::Queue),
    ("owners", Named::Owner),
    ("owner", Named::Owner),
    ("agent", Named::Owner),
];

/// The field names that are just text. Page tokens have a test of their own.
const TEXTS: &[(&str, &str)] = &[
    ("page_token", ""),
    // Words and people of the caller's own model: they are looked up in no other client.
    ("vendor", "printco"),
    ("vendor_reference", "P-7"),
    ("contact", "phone"),
    ("contract_reference", "C-1"),
    ("question", "shall we?"),
    ("approvers", "cem@acme.example"),
    ("emergency_approvers", "cem@acme.example"),
    ("approver", "dan@acme.example"),
    ("instead_of", "cem@acme.example"),
    ("item", "laptop"),
    ("runbook", "restart"),
    ("parameter", "host"),
    ("value", "print-01"),
    ("answers_json", "{}"),
    ("form_json", ""),
    ("template", ""),
    ("plan", "replace it"),
    ("back_out_plan", "put it back"),
    ("window_from_at", "2026-11-20T08:00:00Z"),
    ("window_until_at", "2026-11-20T10:00:00Z"),
    ("due_at", "2026-11-20T08:00:00Z"),
    // Names of the caller's own: they are looked up in no other client.
    ("fingerprint", ""),
    ("summary", "vpn"),
    ("details", "vpn"),
    ("href", "https://acme.example"),
    ("text", "vpn"),
    ("after", ""),
    ("every_for", "60s"),
    ("grace_for", "10s"),
    ("subject", "vpn drops"),
    ("description", "vpn"),
    ("language", "en"),
    ("category", ""),
    ("subcategory", ""),
    ("source", "zabbix"),
    ("fact_key", "fact-1"),
    ("actor_id", "somebody"),
    ("body", "vpn"),
    ("name", "Acme"),
    ("reference_prefix", "ACME"),
    ("languages", "en"),
    ("time_zone", "Europe/Oslo"),
    ("phone", ""),
    ("site", "Oslo"),
    ("department", ""),
    ("subject_contains", "vpn"),
    ("service", ""),
    ("override_reason", "because"),
    ("reason", "because"),
    ("note", "vpn"),
    ("no_article_reason", ""),
    ("title", "vpn"),
    ("keywords", "vpn"),
    ("query", "vpn kanari"),
    ("currency", "NOK"),
    ("month", "2026-11"),
    ("from", "2026-11-01T00:00:00Z"),
    ("until", "2026-12-01T00:00:00Z"),
    ("at", "2026-11-16T07:00:00Z"),
    ("registered_at", "2026-11-16T07:00:00Z"),
    ("occurred_at", "2026-11-16T07:00:00Z"),
    ("registered_from", "2026-11-16T00:00:00Z"),
    ("registered_until", "2026-11-17T00:00:00Z"),
    ("review_by", "2027-11-16T07:00:00Z"),
    ("services", "vpn"),
    ("impaired_from", "2026-11-16T07:00:00Z"),
    ("impaired_until", "2026-11-16T08:00:00Z"),
    ("text", "vpn"),
    ("next_update_due_at", "2026-11-17T07:00:00Z"),
    ("root_cause", "vpn"),
    ("workaround", "vpn"),
    ("message_id", ""),
    ("contains", "kari"),
    ("add", "vpn"),
    ("remove", "vpn"),
    ("what_for", "vpn"),
    ("worked_at", "2026-11-16T07:00:00Z"),
    ("team", ""),
    ("etag", "1"),
];

/// Fields of certain messages that need a value of their own.
const OF_MESSAGES: &[(&str, &str, i32)] = &[("CancelTicketRequest", "reason", 2)];

/// Where the objects come from. Own ones are used up: a command on one shall not change the outcome of the next.
#[derive(Debug, Default)]
pub struct Objects {
    /// Own tickets that nobody has touched.
    pub own_tickets: Vec<String>,
    /// Own drafts that nobody has touched: id and key.
    pub own_articles: Vec<(String, String)>,
    /// Request ids that the same subject has used for the other client, at every service that keeps them.
    pub foreign_request_ids: Vec<String>,
    /// The other client's.
    pub foreign: BTreeMap<Named, String>,
    /// Tickets of ours that look like one problem.
    pub own_proposal: String,
    /// A run on ACME-1001.
    pub own_run: String,
    /// A file on ACME-1001.
    pub own_attachment: String,
    /// A list that we keep.
    pub own_view: String,
    /// The other client's ticket_id.
    pub foreign_ticket_id: String,
    /// Whole messages, as JSON, where a request needs a valid body: by the message's name, or `Message.field`.
    pub bodies: BTreeMap<String, Value>,
    /// Names something new each time.
    pub count: u32,
    /// How many of the other client's external references were used up.
    pub external_refs: u32,
    /// The article of the request being made.
    pub article: Option<(String, String)>,
    /// Whether the request being made uses up what it names.
    pub uses_up: bool,
}

/// Where to aim: everything at one target, or one field elsewhere than the rest.
#[derive(Debug, Clone)]
pub struct Target {
    pub all: Aim,
    pub but: Option<(String, Aim)>,
}

impl Objects {
    /// A request. `seen` collects the paths of the fields that were aimed.
    pub fn request(
        &mut self,
        message: &MessageDescriptor,
        target: &Target,
        seen: &mut Vec<String>,
    ) -> anyhow::Result<Value> {
        self.article = None;
        self.uses_up = target.but.is_some();
        self.message(message, target, "", &mut Vec::new(), seen)
    }

    fn message(
        &mut self,
        message: &MessageDescriptor,
        target: &Target,
        path: &str,
        within: &mut Vec<String>,
        seen: &mut Vec<String>,
    ) -> anyhow::Result<Value> {
        let body = self.bodies.get(message.name()).cloned();
        let mut request: Map<String, Value> = match &body {
            Some(Value::Object(fields)) => fields.clone(),
            _ => Map::new(),
        };
        within.push(message.full_name().to_owned());
        for field in message.fields() {
            let path = if path.is_empty() { field.name().to_owned() } else { format!("{path}.{}", field.name()) };
            let is_aimed = matches!(field.kind(), Kind::String) && named(field.name()).is_some();
            let is_later_choice = field
                .containing_oneof()
                .is_some_and(|choice| choice.fields().next().is_some_and(|first| first.number() != field.number()));
            if (body.is_some() && !is_aimed) || is_later_choice {
                continue;
            }
            if let Some(value) = self.field(&field, target, &path, within, seen)? {
                request.remove(field.json_name());
                request.insert(field.name().to_owned(), value);
            }
        }
        within.pop();
        Ok(Value::Object(request))
    }

    fn field(
        &mut self,
        field: &FieldDescriptor,
        target: &Target,
        path: &str,
        within: &mut Vec<String>,
        seen: &mut Vec<String>,
    ) -> anyhow::Result<Option<Value>> {
        let owner = field.parent_message().name().to_owned();
        if let Some(body) = self.bodies.get(&format!("{owner}.{}", field.name())) {
            return Ok(Some(body.clone()));
        }
        if field.is_map() {
            return Ok(Some(json!({ "site": "oslo" })));
        }
        let value = match field.kind() {
            Kind::String => match named(field.name()) {
                Some(named) => {
                    seen.push(path.to_owned());
                    return Ok(Some(self.aimed(field, named, target, path)?));
                }
                None => json!(text(field.name()).with_context(|| unknown(field))?),
            },
            Kind::Message(inner) if inner.full_name().starts_with("google.protobuf.") => {
                json!(text(field.name()).with_context(|| unknown(field))?)
            }
            Kind::Message(inner) if within.contains(&inner.full_name().to_owned()) => return Ok(None),
            Kind::Message(inner) => self.message(&inner, target, path, within, seen)?,
            Kind::Enum(_) => {
                let own = OF_MESSAGES.iter().find(|(message, name, _)| (*message, *name) == (&owner, field.name()));
                json!(own.map_or(1, |(_, _, number)| *number))
            }
            Kind::Bool => json!(false),
            _ => json!(0),
        };
        Ok(Some(if field.is_list() { json!([value]) } else { value }))
    }

    fn aimed(&mut self, field: &FieldDescriptor, named: Named, target: &Target, path: &str) -> anyhow::Result<Value> {
        let elsewhere = target.but.as_ref().filter(|(but, _)| but == path).map(|(_, aim)| *aim);
        let value = self.named(named, elsewhere.unwrap_or(target.all))?;
        Ok(match (field.is_list(), elsewhere) {
            // One of our own beside it: the whole is refused, nothing is left out silently.
            (true, Some(_)) => json!([self.named(named, Aim::Own)?, value]),
            (true, None) => json!([value]),
            (false, _) => json!(value),
        })
    }

    fn named(&mut self, named: Named, aim: Aim) -> anyhow::Result<String> {
        self.count += 1;
        let fresh = self.count;
        let is_foreign = matches!(aim, Aim::Foreign | Aim::ForeignId);
        Ok(match (named, aim) {
            (Named::Ticket | Named::OtherTicket, Aim::ForeignId) => self.foreign_ticket_id.clone(),
            (Named::Ticket | Named::OtherTicket, Aim::MissingId) => uuid::Uuid::new_v4().to_string(),
            (Named::Ticket | Named::OtherTicket, Aim::MissingNumber) => format!("GLOBEX-{}", 900_000 + fresh),
            (Named::Ticket, Aim::Own) => self.own_tickets.pop().context("too few own tickets for this test")?,
            (Named::OtherTicket, Aim::Own) => "ACME-1001".to_owned(),
            (Named::Article, Aim::Own) => self.own_article()?.0,
            (Named::ArticleKey, Aim::Own) if self.article.is_some() => self.own_article()?.1,
            // One each where the rest is our own: there it is used up.
            (Named::RequestId, _) if is_foreign => {
                let last =
                    self.foreign_request_ids.last().context("too few foreign request ids for this test")?.clone();
                self.foreign_request_ids.truncate(self.foreign_request_ids.len() - usize::from(self.uses_up));
                last
            }
            (Named::RequestId, _) => format!("fresh-{fresh}"),
            (Named::ExternalRef, _) if is_foreign => {
                self.external_refs += u32::from(self.uses_up);
                format!("{}-g-{}", super::filled::EXTERNAL_REF, self.external_refs)
            }
            (_, Aim::Foreign | Aim::ForeignId) => {
                self.foreign.get(&named).with_context(|| format!("no foreign {named:?}"))?.clone()
            }
            (Named::Client, Aim::Own) => "acme".to_owned(),
            (Named::Proposal, Aim::Own) => self.own_proposal.clone(),
            (Named::Run, Aim::Own) => self.own_run.clone(),
            (Named::Attachment, Aim::Own) => self.own_attachment.clone(),
            (Named::View, Aim::Own) => self.own_view.clone(),
            (Named::Queue, Aim::Own) => "network".to_owned(),
            (Named::Owner, Aim::Own) => "twin@operator.example".to_owned(),
            (Named::Person, Aim::Own) => "per@acme.example".to_owned(),
            // Of nobody's: what is in a request that is taken is our own from then on.
            (Named::Person, _) => "per@nowhere.example".to_owned(),
            (Named::Email, Aim::Own) => "kari@acme.example".to_owned(),
            (Named::Client, _) => "nobody".to_owned(),
            (Named::Ticket | Named::OtherTicket, _) => format!("NOBODY-{fresh}"),
            (
                Named::Article | Named::DeadLetter | Named::Proposal | Named::Attachment | Named::View | Named::Run,
                _,
            ) => uuid::Uuid::new_v4().to_string(),
            (Named::Queue, _) => "nowhere".to_owned(),
            (Named::Owner | Named::Email, _) => "nobody@nowhere.example".to_owned(),
            (Named::ArticleKey | Named::ExternalRef, _) => format!("fresh-{fresh}"),
        })
    }

    /// The article of this request.
    fn own_article(&mut self) -> anyhow::Result<(String, String)> {
        if self.article.is_none() {
            self.article = Some(self.own_articles.pop().context("too few own articles for this test")?);
        }
        self.article.clone().context("an article was just taken")
    }
}

fn named(field: &str) -> Option<Named> {
    NAMES.iter().find(|(name, _)| *name == field).map(|(_, named)| *named)
}

fn text(field: &str) -> Option<&'static str> {
    TEXTS.iter().find(|(name, _)| *name == field).map(|(_, text)| *text)
}

fn unknown(field: &FieldDescriptor) -> String {
    format!("{} is new: say in requests.rs whether it names an object, and give it a value", field.full_name())
}
