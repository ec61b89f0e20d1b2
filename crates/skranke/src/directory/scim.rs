//! Users as RFC 7643 has them.

use anyhow::Context;
use contracts::intake::v1::entry::Entry as Kind;
use contracts::intake::v1::{AddressKind, Entry, Person};
use serde::Deserialize;
use serde_json::Value;

use super::{Read, address};

/// A user, as far as the desk wants to know them.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct User {
    id: Option<String>,
    external_id: Option<String>,
    user_name: Option<String>,
    display_name: Option<String>,
    name: Option<Name>,
    emails: Option<Vec<Several>>,
    phone_numbers: Option<Vec<Several>>,
    ims: Option<Vec<Several>>,
    addresses: Option<Vec<Place>>,
    preferred_language: Option<String>,
    locale: Option<String>,
    title: Option<String>,
    active: Option<bool>,
    #[serde(rename = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User")]
    enterprise: Option<Enterprise>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Name {
    formatted: Option<String>,
    given_name: Option<String>,
    family_name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Several {
    value: Option<String>,
    primary: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Place {
    locality: Option<String>,
    primary: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Enterprise {
    department: Option<String>,
    manager: Option<Manager>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Manager {
    value: Option<String>,
}

/// Reads a ListResponse, an array, one user, or several one after the other.
pub(crate) fn read(file: &str, text: &[u8], full: bool) -> anyhow::Result<Read> {
    let mut read = Read::default();
    for document in serde_json::Deserializer::from_slice(text).into_iter::<Value>() {
        let document = document.with_context(|| format!("{file} is not JSON"))?;
        let users = match document {
            Value::Array(users) => users,
            Value::Object(mut fields) if fields.contains_key("Resources") => {
                let total = fields.get("totalResults").and_then(Value::as_u64);
                let Some(Value::Array(users)) = fields.remove("Resources") else {
                    anyhow::bail!("{file}: Resources is not a list");
                };
                let here = u64::try_from(users.len()).unwrap_or(u64::MAX);
                let is_part = full && total.is_some_and(|total| total > here);
                anyhow::ensure!(
                    !is_part,
                    "{file} holds {here} of {} users; a full import needs all of them",
                    total.unwrap_or_default()
                );
                users
            }
            user => vec![user],
        };
        for user in users {
            let place = format!("{file}: user {}", read.places.len() + read.complaints.len() + 1);
            match serde_path_to_error::deserialize::<_, User>(user) {
                Ok(user) => {
                    read.entries.push(entry(user));
                    read.places.push(place);
                }
                Err(error) => read.complaints.push(format!("{place}: {}: {}", error.path(), error.inner())),
            }
        }
    }
    Ok(read)
}

fn sorted(several: Option<Vec<Several>>) -> impl Iterator<Item = String> {
    let mut several = several.unwrap_or_default();
    several.sort_by_key(|one| !one.primary.unwrap_or_default());
    several.into_iter().filter_map(|one| one.value).filter(|value| !value.trim().is_empty())
}

fn entry(user: User) -> Entry {
    let name = user.name.unwrap_or_default();
    let parts = [name.given_name.as_deref().unwrap_or_default(), name.family_name.as_deref().unwrap_or_default()];
    let parts = parts.join(" ").trim().to_owned();
    let user_name = user.user_name.clone().unwrap_or_default();
    let names = [user.display_name, name.formatted, Some(parts), Some(user_name.clone())];
    let name = names.into_iter().flatten().find(|name| !name.trim().is_empty()).unwrap_or_default();
    let mut addresses: Vec<_> = sorted(user.emails).map(|email| address(AddressKind::Email, &email)).collect();
    let is_new = !addresses.iter().any(|one| one.address.eq_ignore_ascii_case(&user_name));
    if is_new && !user_name.is_empty() {
        let kind = if user_name.contains('@') { AddressKind::Email } else { AddressKind::Login };
        addresses.push(address(kind, &user_name));
    }
    // As RFC 3966 writes them.
    let phones = sorted(user.phone_numbers).map(|phone| phone.trim_start_matches("tel:").to_owned());
    addresses.extend(phones.map(|phone| address(AddressKind::Phone, &phone)));
    addresses.extend(sorted(user.ims).map(|name| address(AddressKind::Chat, &name)));
    let mut places = user.addresses.unwrap_or_default();
    places.sort_by_key(|one| !one.primary.unwrap_or_default());
    let enterprise = user.enterprise.unwrap_or_default();
    let person = Person {
        name: name.trim().to_owned(),
        language: user.preferred_language.or(user.locale).unwrap_or_default(),
        site: places.into_iter().find_map(|place| place.locality).unwrap_or_default(),
        department: enterprise.department.unwrap_or_default(),
        manager: enterprise.manager.and_then(|manager| manager.value).unwrap_or_default(),
        title: user.title.unwrap_or_default(),
        addresses,
        ..Person::default()
    };
    Entry {
        external_id: user.external_id.or(user.id).unwrap_or_default(),
        former: user.active == Some(false),
        entry: Some(Kind::Person(person)),
        ..Entry::default()
    }
}
