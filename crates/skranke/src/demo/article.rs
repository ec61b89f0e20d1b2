//! An article: markdown below a front matter in YAML.

use serde::Deserialize;

use crate::{
    client_file::{Language, words},
    yaml::{self, Complaint, Complaints, Path, Position},
};

words!(
    /// Who may read an article.
    Audience {
        /// Everyone, without signing in.
        Public = "public",
        /// The clients it names.
        Client = "client",
        /// The desk.
        Internal = "internal",
    }
);

/// A piece of knowledge in one language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Article {
    /// The word its translations share.
    pub article: String,
    /// The title.
    pub title: String,
    /// The language of title and body.
    pub language: Language,
    /// Who may read it.
    pub audience: Audience,
    /// Words people look for it with, beyond those in the text.
    pub keywords: Vec<String>,
    /// The clients it is for; none unless the audience is `client`.
    pub clients: Vec<String>,
    /// Markdown.
    pub body: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FrontMatter {
    article: String,
    title: String,
    language: Language,
    audience: Audience,
    keywords: Vec<String>,
    #[serde(default)]
    clients: Vec<String>,
}

impl Article {
    /// Reads an article. `name` is what complaints call the file; it ends in `<article>.<language>.md`.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(name: &str, text: &str) -> Result<Self, Vec<Complaint>> {
        let mut complaints = Complaints::new(name);
        let start = Position { line: 1, column: 1 };
        let parts = text.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---\n"));
        let Some((front, body)) = parts else {
            complaints.say(start, "there is no front matter", "begin with `---`, its fields, and `---`");
            return Err(complaints.into_vec());
        };
        // An empty line in the place of the opening dashes keeps the line numbers true.
        let (front, tree) = yaml::read::<FrontMatter>(name, &format!("\n{front}\n"))?;
        let root = Path::root();
        let mut say = |key: &str, wrong: String, remedy: &str| {
            complaints.say(tree.position(&root.key(key)), wrong, remedy);
        };
        let file = name.rsplit('/').next().unwrap_or(name);
        let expected = format!("{}.{}.md", front.article, front.language);
        if file != expected {
            say("article", format!("the file is called {file}"), &format!("call it {expected}"));
        }
        if front.title.trim().is_empty() {
            say("title", "the title is empty".to_owned(), "write one");
        }
        match (front.audience, front.clients.is_empty()) {
            (Audience::Client, true) => {
                say("audience", "it is for clients and names none".to_owned(), "add `clients: […]`");
            }
            (Audience::Public | Audience::Internal, false) => {
                say("clients", format!("it names clients and is {}", front.audience), "write `audience: client`");
            }
            _ => {}
        }
        let body = body.trim().to_owned();
        if body.is_empty() {
            complaints.say(start, "the article has no text", "write it below the front matter");
        }
        if !complaints.is_empty() {
            return Err(complaints.into_vec());
        }
        let FrontMatter { article, title, language, audience, keywords, clients } = front;
        Ok(Self { article, title, language, audience, keywords, clients, body })
    }

    /// May a ticket of `client` be solved with it?
    pub fn may_be_used_for(&self, client: &str) -> bool {
        self.audience != Audience::Client || self.clients.iter().any(|name| name == client)
    }
}
