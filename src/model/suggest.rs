//! Small courtesies of messages: "did you mean", and authored text shown so that it cannot spoil a terminal.

/// Returns the candidate that `word` is most likely a misspelling of, if any is close.
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Longer words are nobody's field, and the comparison is quadratic.
    if word.len() > 64 {
        return None;
    }
    let allowed = (word.chars().count() / 3).max(1);
    let lower = word.to_lowercase();
    candidates
        .into_iter()
        .map(|it| (strsim::osa_distance(&lower, &it.to_lowercase()), it))
        .filter(|(distance, it)| *distance <= allowed && *distance < it.chars().count())
        .min()
        .map(|(_, it)| it)
}

/// Returns a sentence that helps whoever wrote `word` where one of `candidates` belongs; `what` names them
/// in the plural.
pub fn instead_of<'a>(word: &str, what: &str, candidates: impl IntoIterator<Item = &'a str> + Clone) -> String {
    if let Some(it) = closest(word, candidates.clone()) {
        return format!("did you mean `{it}`?");
    }
    let all: Vec<String> = candidates.into_iter().map(|it| format!("`{it}`")).collect();
    if all.is_empty() { format!("there are no {what}") } else { format!("the {what} are {}", all.join(", ")) }
}

/// Returns authored text as messages show it: control characters escaped, and cut where it gets long.
pub fn shown(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut shown: String = text.chars().take(LONGEST).flat_map(visible).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push_str("...");
    }
    shown
}

fn visible(char: char) -> impl Iterator<Item = char> {
    let escaped = char.is_control().then(|| char.escape_default());
    let plain = escaped.is_none().then_some(char);
    escaped.into_iter().flatten().chain(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_words_are_suggested_and_others_are_not() {
        let fields = ["name", "type", "settings"];
        for (word, expected) in [
            ("tpye", Some("type")),
            ("Name", Some("name")),
            ("setings", Some("settings")),
            ("colour", None),
            ("", None),
            ("x", None),
        ] {
            assert_eq!(closest(word, fields), expected, "{word}");
        }
        assert_eq!(instead_of("colour", "fields here", ["a", "b"]), "the fields here are `a`, `b`");
    }

    #[test]
    fn shown_text_is_short_and_without_control_characters() {
        assert_eq!(shown("a\u{1b}[31m\n"), "a\\u{1b}[31m\\n");
        assert_eq!(shown(&"x".repeat(100)).len(), 63);
    }
}
