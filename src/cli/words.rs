//! How numbers, durations and foreign text are written for people.

use std::time::Duration;

/// Returns `1 asset`, `2 assets`.
pub fn count(n: u64, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") }
}

/// Returns a length in bytes with three digits or so.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    // What would be rounded to 1024 is one of the next unit.
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// Returns a duration in seconds, hundredths included.
pub fn seconds(duration: Duration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}

/// Returns text that comes from outside with everything escaped that could change how a terminal shows what
/// follows: control characters, those that change the direction of writing, and spaces and ends of lines that nobody sees.
pub fn clean(text: &str) -> String {
    let is_harmful = |it: char| {
        let directs =
            matches!(it, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        // Joiners (U+200C, U+200D) are part of how many languages are written.
        let hides = matches!(it, '\u{ad}' | '\u{200b}' | '\u{2028}' | '\u{2029}' | '\u{2060}' | '\u{feff}');
        it.is_control() || directs || hides
    };
    let mut cleaned = String::with_capacity(text.len());
    for char in text.chars() {
        if is_harmful(char) { cleaned.extend(char.escape_unicode()) } else { cleaned.push(char) }
    }
    cleaned
}

/// Returns how many files have which extension, the most frequent first, in a few words. No extension is the empty one.
pub fn extensions<'a>(counts: impl IntoIterator<Item = (&'a str, u64)>) -> String {
    const SHOWN: usize = 8;
    let mut found: Vec<(&str, u64)> = counts.into_iter().collect();
    found.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let word = |(extension, n): &(&str, u64)| match *extension {
        "" => format!("{n} without extension"),
        it => format!("{n} .{}", clean(it)),
    };
    let mut words: Vec<String> = found.iter().take(SHOWN).map(word).collect();
    if found.len() > SHOWN {
        let rest: u64 = found[SHOWN..].iter().map(|it| it.1).sum();
        words.push(format!("{rest} of {} other kinds", found.len() - SHOWN));
    }
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_words() {
        assert_eq!(count(0, "asset"), "0 assets");
        assert_eq!(count(1, "asset"), "1 asset");
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            ((1 << 20) - 1, "1.0 MiB"),
            (5 << 30, "5.0 GiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
        assert_eq!(seconds(Duration::from_millis(1234)), "1.23 s");
    }

    #[test]
    fn terminals_are_safe_from_file_names() {
        assert_eq!(clean("hero \u{fc}.png"), "hero \u{fc}.png");
        assert_eq!(clean("a\u{1b}[31mb\nc\u{202e}d"), "a\\u{1b}[31mb\\u{a}c\\u{202e}d");
        assert_eq!(clean("\u{200b}a\u{feff}b\u{61c}"), "\\u{200b}a\\u{feff}b\\u{61c}");
    }
}
