//! Names of files that lead nobody astray.

/// Characters of a name as it is kept.
const MOST: usize = 120;
/// Characters of an ending that is kept when a name is cut.
const ENDING: usize = 16;
/// What Windows takes for devices.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];

/// A name without folders, control, direction and invisible characters, that every file system takes.
pub fn clean(sent: &str) -> String {
    let last = sent.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain: String =
        last.chars().filter(|char| !is_hidden(*char)).map(|char| if is_special(char) { '_' } else { char }).collect();
    let trimmed = plain.trim_matches(|char: char| char == '.' || char.is_whitespace());
    if trimmed.is_empty() {
        return "attachment".to_owned();
    }
    let cut = cut(trimmed);
    let stem = cut.split('.').next().unwrap_or_default().to_lowercase();
    let is_port = |port: &str| {
        stem.strip_prefix(port)
            .is_some_and(|number| number.len() == 1 && number.chars().all(|char| char.is_ascii_digit()))
    };
    if DEVICES.contains(&stem.as_str()) || is_port("com") || is_port("lpt") { format!("_{cut}") } else { cut }
}

/// Control characters, those that turn the direction of text, and those that nobody sees.
fn is_hidden(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
        || matches!(char, '\u{2028}' | '\u{2029}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
        || matches!(char, '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

fn is_special(char: char) -> bool {
    matches!(char, '<' | '>' | ':' | '"' | '|' | '?' | '*')
}

/// Shortens a name before its ending.
fn cut(name: &str) -> String {
    let count = name.chars().count();
    if count <= MOST {
        return name.to_owned();
    }
    let ending = name.rsplit_once('.').map(|(_, ending)| ending).filter(|ending| ending.chars().count() <= ENDING);
    match ending {
        Some(ending) => {
            let room = MOST - ending.chars().count() - 1;
            let stem: String = name.chars().take(room).collect();
            format!("{}.{ending}", stem.trim_end())
        }
        None => name.chars().take(MOST).collect::<String>().trim_end().to_owned(),
    }
}
